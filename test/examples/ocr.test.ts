/** The example that reads a line of print, run as its reader runs it, where Tesseract's weights are installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', '..');
const isInstalled = existsSync(join(ROOT, 'node_modules/@tesseract.js-data/eng'));

/** The line as rows of grey values. */
function readLine(): number[][] {
  const bytes = readFileSync(join(ROOT, 'examples/ocr/line.pgm'));
  const [header, width, height] = /^P5 (\d+) (\d+) 255\n/.exec(bytes.toString('latin1', 0, 40))!;
  const row = (y: number) => bytes.subarray(header.length + y * Number(width), header.length + (y + 1) * Number(width));
  return Array.from({ length: Number(height) }, (_, y) => [...row(y)]);
}

const CHANGES: Readonly<Record<string, (rows: number[][]) => number[][]>> = {
  'with wide margins': (rows) => {
    const sides = rows.map((row) => [...Array(40).fill(255), ...row, ...Array(25).fill(255)]);
    const empty = sides[0]!.map(() => 255);
    return [...Array(31).fill(empty), ...sides, ...Array(17).fill(empty)];
  },
  'twice as large': (rows) => rows.flatMap((row) => Array(2).fill(row.flatMap((value) => [value, value]))),
  'in grey on grey': (rows) => rows.map((row) => row.map((value) => 90 + Math.round(value / 3))),
};

(isInstalled ? test : test.skip)('the line is read exactly, also with other margins, sizes and contrasts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-ocr-'));
  try {
    const changed = Object.entries(CHANGES).map(([name, change]) => {
      const rows = change(readLine());
      const header = Buffer.from(`P5\n${rows[0]!.length} ${rows.length}\n255\n`);
      writeFileSync(join(folder, name), Buffer.concat([header, Uint8Array.from(rows.flat())]));
      return join(folder, name);
    });
    const args = ['examples/ocr/main.mjs', 'examples/ocr/line.pgm', ...changed];
    const printed = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect(printed.split('\n')).toEqual([...Array(4).fill('The quick brown fox jumps over the lazy dog in 1851.'), '']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
