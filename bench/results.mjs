/** The result files and the progress messages of the longer benchmarks. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('./results/', import.meta.url));

export function write(name, text) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, name), text);
}

/** Draws a Vega-Lite chart and writes it as SVG. */
export async function writeChart(name, spec) {
  const { drawn } = await import('./peers/chart.mjs');
  write(name, await drawn(spec));
  console.log(`\nWritten to bench/results/: ${name}, and the same name with .md and .json.`);
}

/** A line on the terminal that the next one replaces ('' clears it). In a file, every line is kept. */
export function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text) process.stderr.write(`${text}\n`);
}
