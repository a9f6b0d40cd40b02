/** Timing on a busy machine: the contestants take turns, round after round, and medians are reported. */
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { median } from './statistics.mjs';

/**
 * Times functions in interleaved rounds.
 * @param {Record<string, () => void | Promise<void>>} contestants the functions to time, by name
 * @param {{ rounds?: number, blockMs?: number }} options each contestant runs for about blockMs in every round
 * @returns {Promise<Record<string, { ms: number, min: number, max: number }>>} the mean time of a call in each round: the median,
 * the smallest and the largest
 */
export async function interleaved(contestants, { rounds = 9, blockMs = 150 } = {}) {
  const names = Object.keys(contestants);
  const calls = {};
  for (const name of names) {
    await contestants[name](); // compiles code and allocates memory
    const start = performance.now();
    for (let i = 0; i < 3; i++) await contestants[name]();
    calls[name] = Math.max(1, Math.round((3 * blockMs) / (performance.now() - start)));
  }
  const rows = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      const start = performance.now();
      for (let c = 0; c < calls[name]; c++) await contestants[name]();
      rows[name].push((performance.now() - start) / calls[name]);
    }
  }
  return Object.fromEntries(
    names.map((name) => [name, { ms: median(rows[name]), min: Math.min(...rows[name]), max: Math.max(...rows[name]) }]),
  );
}

export const machine = () =>
  `${os.cpus()[0]?.model ?? 'unknown processor'}${vectors()}, ${os.cpus().length} cores, Node ${process.version}`;

/** The widest vector instructions of an x86 processor, where Linux lists them: native libraries choose their kernels by them. */
function vectors() {
  const flags = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  if (/\bavx512f\b/.test(flags)) return ' with AVX-512';
  return /\bavx2\b/.test(flags) ? ' with AVX2' : '';
}

/** A number with three significant digits. */
export const three = (x) =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toPrecision(3);

/** Rows of cells as a Markdown table. */
export function table(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => String(row[i]).length)));
  const line = (row) => `| ${row.map((cell, i) => String(cell).padEnd(widths[i])).join(' | ')} |`;
  return [line(head), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
