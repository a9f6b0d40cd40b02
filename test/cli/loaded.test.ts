/** What the command line loads: for the help and for errors its tables, and nothing of the engine; for a command its own part. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { folder, MAIN, start } from './support.js';

const here = folder();

/** A module that registers a hook, which prints the URL of every file of the package that Node loads. */
const HOOK = `export async function load(url, context, next) {
  if (url.includes('/dist/')) (await import('node:fs')).writeSync(2, 'loaded ' + url + '\\n');
  return next(url, context);
}`;
const asUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
const REGISTER = asUrl(`import { register } from 'node:module'; register(${JSON.stringify(asUrl(HOOK))});`);

/** The source files that a command line loads. The bundler marks where each begins. */
async function loadedBy(
  ...args: readonly string[]
): Promise<{ code: number | null; sources: string[]; files: number }> {
  const { code, stderr } = await start(here.path, args, process.execPath, ['--import', REGISTER, MAIN]).ended;
  const files = [...stderr.matchAll(/^loaded (file:\S+)$/gm)].map(([, url]) => fileURLToPath(url!));
  const sources = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^\/\/ (src\/\S+\.ts)$/gm)].map(([, source]) => source!),
  );
  return { code, sources, files: files.length };
}

/** What is loaded outside of src/cli: small files without imports of the engine. */
const SMALL = [
  'src/checks.ts',
  'src/contract/constants.ts',
  'src/errors.ts',
  'src/interop/content.ts',
  'src/interop/exports/weight-types.ts',
  'src/interop/former-settings.ts',
  'src/optim/names.ts',
  'src/tasks/defaults.ts',
];

describe('without a run of a command', () => {
  test.each([
    { args: ['--help'], expected: 0 },
    { args: ['train', '--unknown'], expected: 2 },
  ])('unspool $args loads only tables', async ({ args, expected }) => {
    const { code, sources, files } = await loadedBy(...args);
    expect(code).toBe(expected);
    expect(sources).toContain('src/cli/main.ts');
    expect(sources).toContain('src/cli/train.ts');
    expect(sources.filter((source) => !source.startsWith('src/cli/')).sort()).toEqual(SMALL);
    expect(sources.filter((source) => source.endsWith('/run.ts'))).toEqual([]);
    expect(files).toBeLessThanOrEqual(4);
  });
});

test('unspool runs loads nothing that computes', async () => {
  const { code, sources } = await loadedBy('runs');
  expect(code).toBe(0);
  expect(sources).toContain('src/cli/runs/list.ts');
  const engine = /^src\/(core|kernels|train|optim\/(?!names)|data|tasks\/(?!defaults)|estimators|lab|inspect)\b/;
  expect(sources.filter((source) => engine.test(source))).toEqual([]);
});
