/** The changes that `npm run mutate` makes to a file. */
import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

/** The changed codes of a file, and what the areas of some files are. */
function changed(file: string, code: string): string[] {
  const program = `
    import { apply, changesOf } from './scripts/mutate/changes.mjs';
    const code = ${JSON.stringify(code)};
    console.log(JSON.stringify(changesOf(${JSON.stringify(file)}, code).map((change) => apply(code, change))));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return JSON.parse(printed) as string[];
}

test('each operator changes one place', () => {
  expect(changed('src/a.ts', 'if (a < 2 && !b) go();')).toEqual([
    'if (!(a < 2 && !b)) go();',
    'if (true) go();',
    'if (false) go();',
    'if (a < 2 || !b) go();',
    'if (a <= 2 && !b) go();',
    'if (a < 3 && !b) go();',
    'if (a < 2 && (b)) go();',
    'if (a < 2 && !b) {}',
  ]);
  expect(changed('src/a.ts', 'const x = y ? Math.min(i++, 0.5) : true ?? z;')).toEqual([
    'const x = !(y) ? Math.min(i++, 0.5) : true ?? z;',
    'const x = y ? Math.min(i++) : true ?? z;',
    'const x = y ? Math.max(i++, 0.5) : true ?? z;',
    'const x = y ? Math.min(i--, 0.5) : true ?? z;',
    'const x = y ? Math.min(i++, 1) : true ?? z;',
    'const x = y ? Math.min(i++, 0.5) : (true);',
    'const x = y ? Math.min(i++, 0.5) : false ?? z;',
  ]);
});

test('texts, types, comments and what an error says are left alone', () => {
  const code = `
    import type { A } from './a.js'; // 1 + 2
    type B = 1 | 2;
    const c: 5 | 6 = b as 5 | 6;
    const text = 'a' + b + \`c\`;
    throw new Error(\`\${1 + 2}\`);`;
  expect(changed('src/a.ts', code)).toEqual([]);
});

test('a function of AssemblyScript may have a decorator', () => {
  expect(changed('src/kernels/wasm/assembly/a.ts', '@inline function f(): i32 { return 1 }')).toEqual([
    '@inline function f(): i32 { return; return 1 }',
    '@inline function f(): i32 { return 2 }',
  ]);
});
