/** A toy of each kind is added by the documented steps, to a copy of the sources: it type-checks, builds and works. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT, read } from '../support/source.js';
import { RECIPES, type Recipe } from './recipes.js';

/** The files that docs/contributing.md lists under a heading, up to the next heading. */
function documented(heading: string): string[] {
  const page = read('docs/contributing.md');
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const steps = section.split('\nThen ')[0]!; // what follows are tests and pages
  return [...steps.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file]) => file!).sort();
}

/** The files that a recipe touches, with the toy's name as the page writes it. */
const touched = ({ newFiles, edits }: Recipe): string[] =>
  [...new Set([...Object.keys(newFiles), ...edits.map(({ file }) => file)])]
    .map((file) => (file in newFiles ? file.replace(/(sign-sgd|random-direction|scale|echo|minimal)/, 'NAME') : file))
    .sort();

describe('docs/contributing.md lists the files to touch:', () => {
  test.each(RECIPES)('$heading', (recipe) => {
    expect(documented(recipe.heading)).toEqual(touched(recipe));
  });
});

describe('the toys, added to a copy of the sources,', () => {
  let copy = '';

  beforeAll(() => {
    mkdirSync(join(ROOT, 'runs'), { recursive: true });
    copy = mkdtempSync(join(ROOT, 'runs/additions-'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    const from = (name: string): void => cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    for (const name of ['src', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) from(name);
    const texts = new Map<string, string>();
    for (const { newFiles, edits } of RECIPES) {
      for (const [file, text] of Object.entries(newFiles)) texts.set(file, text);
      for (const { file, find, replace } of edits) {
        const text = texts.get(file) ?? read(file);
        if (!text.includes(find))
          throw new Error(`${file} has no ${JSON.stringify(find)}: adapt test/additions/recipes.ts.`);
        texts.set(
          file,
          text.replaceAll(find, () => replace),
        );
      }
    }
    for (const [file, text] of texts) {
      mkdirSync(join(copy, dirname(file)), { recursive: true });
      writeFileSync(join(copy, file), text);
    }
    writeFileSync(join(copy, 'check.mjs'), read('test/additions/check.mjs.txt'));
  });

  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  function run(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
    if (status !== 0) throw new Error(`node ${args.join(' ')} failed:\n${stdout}${stderr}`);
    return stdout;
  }

  test('build, type-check and work through the public API', () => {
    run('scripts/build-wasm.mjs');
    run(
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      '-p',
      'tsconfig.build.json',
      '--noEmit',
      '--emitDeclarationOnly',
      'false',
    );
    run('scripts/bundle.mjs');
    expect(run('check.mjs')).toContain('every toy works');
    expect(run('dist/cli/main.js', 'echo', 'whale')).toBe('whale\n');
    expect(run('dist/cli/main.js', 'echo', '--help')).toContain('Prints its argument.');
  });
});
