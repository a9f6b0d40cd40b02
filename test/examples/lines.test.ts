/** The examples are short: lines of code, without blank lines and comments. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const EXAMPLES = join(__dirname, '..', '..', 'examples');

/** Programs, and the files of each. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'voice, on the command line': ['detector.mjs', 'model.mjs', 'main.mjs'].map((name) => `voice/${name}`),
  'voice, in a page': ['index.html', 'page.mjs', 'worklet.mjs', 'serve.mjs'].map((name) => `voice/live/${name}`),
  ocr: ['main.mjs', 'traineddata.mjs'].map((name) => `ocr/${name}`),
  server: ['server/main.mjs'],
};

const linesOf = (path: string): number =>
  readFileSync(join(EXAMPLES, path), 'utf8')
    .split('\n')
    .filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line)).length;

test.each(Object.entries(PROGRAMS))('%s has fewer than 100 lines', (_, files) => {
  expect(files.reduce((sum, file) => sum + linesOf(file), 0)).toBeLessThan(100);
});
