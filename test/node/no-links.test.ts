/** A file system without hard links: a file gets a name that is reserved by an empty file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';

let code = 'EPERM';
jest.mock('node:fs/promises', () => ({
  ...(jest.requireActual('node:fs/promises') as object),
  link: async () => {
    throw Object.assign(new Error(code), { code });
  },
}));

const folder = mkdtempSync(join(tmpdir(), 'unspool-links-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

test('renameExclusively replaces nothing there, either', async () => {
  const { renameExclusively } = await import('../../src/node/files.js');
  writeFileSync(at('a'), 'a');
  writeFileSync(at('b'), 'b');
  expect(await renameExclusively(at('a'), at('b'))).toBe(false);
  expect(['a', 'b'].map((name) => readFileSync(at(name), 'utf8'))).toEqual(['a', 'b']);
  expect(await renameExclusively(at('a'), at('c'))).toBe(true);
  expect(readFileSync(at('c'), 'utf8')).toBe('a');
  expect(readdirSync(folder)).toEqual(['b', 'c']);
  code = 'EIO';
  await expect(renameExclusively(at('b'), at('d'))).rejects.toThrow('EIO');
  expect(readdirSync(folder)).toEqual(['b', 'c']);
});
