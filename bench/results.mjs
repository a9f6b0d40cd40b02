/** Where the longer benchmarks leave what they found, and how they say what they are doing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('./results/', import.meta.url));

export function write(name, text) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, name), text);
}

/** Draws a Vega-Lite chart. */
export async function writeChart(name, spec) {
  const { drawn } = await import('./peers/chart.mjs');
  write(name, await drawn(spec));
  console.log(`\nWritten to bench/results/: ${name}, and the same name with .md and .json.`);
}

/** One line on the terminal that the next one takes the place of ('' for none); in a file, one after the other. */
export function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text) process.stderr.write(`${text}\n`);
}
