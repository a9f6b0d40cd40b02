/** The declarations need neither the DOM library nor, except unspool/node, the types of Node, and pass a check of libraries. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

const folder = mkdtempSync(join(tmpdir(), 'unspool-types-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What tsc prints for a program that imports these entries, in strict mode, without the DOM and with `skipLibCheck: false`. */
function compile(entries: readonly string[], types: readonly string[]): string {
  const at = join(folder, `${entries.length}`);
  mkdirSync(join(at, 'node_modules'), { recursive: true });
  symlinkSync(ROOT, join(at, 'node_modules/unspool'));
  symlinkSync(join(ROOT, 'node_modules/@types'), join(at, 'node_modules/@types'));
  const lines = entries.map((entry, i) => `export * as entry${i} from '${entry}';`);
  writeFileSync(join(at, 'use.ts'), lines.join('\n'));
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'ES2022', module: 'nodenext', lib: ['ES2022'] },
    ...{ types, skipLibCheck: false },
  };
  writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  try {
    return execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', at], { encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

const WEB = [
  'unspool',
  'unspool/worker',
  'unspool/lab',
  'unspool/inspect',
  'unspool/gpu',
  'unspool/infer',
  'unspool/infer/simd',
  'unspool/interop',
  'unspool/distributed',
  'unspool/tasks',
  'unspool/tune',
];

test('the entries for every environment, without any other types', () => expect(compile(WEB, [])).toBe(''), 60_000);
test('all entries, with the types of Node', () => expect(compile([...WEB, 'unspool/node'], ['node'])).toBe(''), 60_000);
