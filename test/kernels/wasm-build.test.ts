/** The build of the WebAssembly modules: every name of the contract's tables needs its functions in assembly/. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', '..');

const MISSING = [
  { table: 'ACTIVATIONS', name: 'mish', file: 'activations', missing: ['mishValue', 'mishSlope'] },
  { table: 'GATE_SETS', name: 'noCandidate', file: 'gates', missing: ['noCandidateGates'] },
  { table: 'VALUE_LOSSES', name: 'logCosh', file: 'value-losses', missing: ['logCoshLoss', 'logCoshSlope'] },
];

/** The compiler's errors for a module with one more name in each table. */
let errors = '';

beforeAll(() => {
  const more = MISSING.map(({ table, name }) => `${table}: [...contract.${table}, '${name}']`);
  const program = `
    import { compileWasm, readContract, MODULES } from './scripts/compile-wasm.mjs';
    const contract = await readContract();
    await compileWasm(MODULES.simd, { ...contract, ${more.join(', ')} });`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(status).not.toBe(0);
  errors = stderr;
});

test.each(MISSING)(
  'a name in $table without functions in assembly/$file.ts is a compile error',
  ({ file, missing }) => {
    for (const member of missing) expect(errors).toContain(`assembly/${file}' has no exported member '${member}'`);
  },
);
