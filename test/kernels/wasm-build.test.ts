/** The build of the WebAssembly module: every name of the contract's tables needs its functions in assembly/. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', '..');

/** Compiles the module with one more name in a table of the contract; returns the compiler's errors. */
function errorsWith(table: string, name: string): string {
  const program = `
    import { compileWasm, readContract, VARIANTS } from './scripts/compile-wasm.mjs';
    const contract = await readContract();
    await compileWasm(VARIANTS.simd, { ...contract, ${table}: [...contract.${table}, '${name}'] });`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(status).not.toBe(0);
  return stderr;
}

test.each([
  { table: 'ACTIVATIONS', name: 'mish', file: 'activations', missing: ['mishValue', 'mishSlope'] },
  { table: 'GATE_SETS', name: 'noCandidate', file: 'gates', missing: ['noCandidateGates'] },
  { table: 'VALUE_LOSSES', name: 'logCosh', file: 'value-losses', missing: ['logCoshLoss', 'logCoshSlope'] },
])('a name in $table without functions in assembly/$file.ts is a compile error', ({ table, name, file, missing }) => {
  const errors = errorsWith(table, name);
  for (const member of missing) expect(errors).toContain(`assembly/${file}' has no exported member '${member}'`);
});
