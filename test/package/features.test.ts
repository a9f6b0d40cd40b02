/** docs/features.md: every row of Unspool names an existing test. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const DOCS = join(__dirname, '../../docs');
const COLUMNS = 9;
const OWN_TESTS = 2;

/** The rows of the tables under a heading. */
const lines = readFileSync(join(DOCS, 'features.md'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .flatMap((section) => section.split('\n').filter((line) => /^\| (?!\| |---)/.test(line)));

const rows = lines.filter((line) => !line.startsWith('|  |')).map((line) => line.slice(2, -2).split(' | '));

test('there are lines, and each fills its columns', () => {
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter((cells) => cells.length !== COLUMNS || cells.some((cell) => cell.trim() === ''))).toEqual([]);
  expect(new Set(rows.map(([feature]) => feature)).size).toBe(rows.length);
});

describe('each quoted test title occurs in its file', () => {
  test.each(rows.map((cells) => [cells[0]!, cells[OWN_TESTS]!] as const))('%s', (_, cell) => {
    const links = [...cell.matchAll(/\[([^\]]+)\]\((\.\.\/test\/[^)]+)\)/g)];
    expect(links.map(([link]) => link).join(', ')).toBe(cell); // links, and nothing else
    expect(links).not.toEqual([]);
    for (const [, words, path] of links) {
      const file = join(DOCS, path!);
      expect({ path, there: existsSync(file) }).toEqual({ path, there: true });
      expect(readFileSync(file, 'utf8')).toContain(words!);
    }
  });
});
