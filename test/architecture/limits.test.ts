/** Files and functions stay short enough to read. Files that a program wrote say so in their first line and are exempt. */
import { expect, test } from '@jest/globals';
import { filesIn, sourceOf } from '../support/source.js';

const isWritten = (file: string): boolean => !/^(\/\/|\/\*\*?) (Made|Generated) by /.test(sourceOf(file).text);

const LIMITS = [
  { folder: 'src', file: 300, functions: 60 },
  { folder: 'studio', file: 300, functions: 60 },
  { folder: 'bench', file: 300, functions: 60 },
  { folder: 'test', file: 400, functions: 60 },
];

test.each(LIMITS)('files in $folder have at most $file lines', ({ folder, file: limit }) => {
  const files = filesIn(folder, ['.ts', '.tsx', '.mjs']).filter(isWritten);
  expect(files.length).toBeGreaterThan(20);
  const long = files.map((file) => ({ file, lines: sourceOf(file).lines })).filter(({ lines }) => lines > limit);
  expect(long).toEqual([]);
});

test.each(LIMITS)('functions in $folder have at most $functions lines', ({ folder, functions: limit }) => {
  const found = filesIn(folder, ['.ts', '.tsx', '.mjs'])
    .filter(isWritten)
    .flatMap((file) => sourceOf(file).functions);
  expect(found.length).toBeGreaterThan(50);
  expect(found.filter(({ lines }) => lines > limit).map((f) => `${f.file}:${f.line} has ${f.lines} lines`)).toEqual([]);
});
