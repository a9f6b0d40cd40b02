/** The example that reads a line of print, run as its reader runs it, where Tesseract's weights are installed. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', '..');
const isInstalled = existsSync(join(ROOT, 'node_modules/@tesseract.js-data/eng'));

(isInstalled ? test : test.skip)('the line is read exactly', () => {
  const args = ['examples/ocr/main.mjs', 'examples/ocr/line.pgm'];
  const printed = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  expect(printed).toBe('The quick brown fox jumps over the lazy dog in 1851.\n');
});
