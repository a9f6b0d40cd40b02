/** docs/problems.md: each of the ten problems names tests that exist. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const DOCS = join(__dirname, '../../docs');
const page = readFileSync(join(DOCS, 'problems.md'), 'utf8');
const rows = page.split('\n').filter((line) => /^\| (?!problem|---)/.test(line));

/** The files of tests in a line, each with the parts of the titles that are quoted after it. */
const namedIn = (line: string) =>
  [...line.matchAll(/\]\((\.\.\/test\/[^)]+)\)([^[]*)/g)].map(([, file, rest]) => ({
    file: file!,
    titles: [...rest!.matchAll(/"([^"]+)"/g)].flatMap(([, title]) => title!.split(' ... ')),
  }));

test('there are ten, and each names a test', () => {
  expect(rows).toHaveLength(10);
  for (const row of rows) expect(namedIn(row).flatMap(({ titles }) => titles)).not.toEqual([]);
});

test('each title that is quoted is in the file that is named', () => {
  const missing = page.split('\n').flatMap((line) =>
    namedIn(line).flatMap(({ file, titles }) => {
      const source = readFileSync(join(DOCS, file), 'utf8');
      return titles.filter((title) => !source.includes(title)).map((title) => `${file}: ${title}`);
    }),
  );
  expect(missing).toEqual([]);
});
