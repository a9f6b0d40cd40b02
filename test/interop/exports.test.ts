/** Exported models compute what the engine computes. The modules run in a Node process without anything else. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import { toModule } from '../../src/interop/exports/module.js';
import { halfBits, halfValue } from '../../src/interop/half.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { testRandom } from '../support/random.js';

const folder = mkdtempSync(join(tmpdir(), 'unspool-exports-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SPEC: ModelSpec = {
  layers: [
    { kind: 'embedding', size: 7, width: 6 },
    { kind: 'lstm', hiddenSize: 12, cell: { peepholes: true } },
    { kind: 'lstm', hiddenSize: 9 },
    { kind: 'linear', size: 7 },
  ],
};
const TOKENS = [3, 1, 4, 1, 5, 2, 6];

/** Runs a module in a process: what it exports, and its output for TOKENS, whole and step by step. */
function run(name: string, code: string) {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code);
  const program = `import model, { model as named } from ${JSON.stringify(file)};
    const tokens = ${JSON.stringify(TOKENS)};
    const state = model.initialState();
    const steps = tokens.map((token) => [...model.step(state, [token])]);
    const { output } = model.predict(tokens);
    console.log(JSON.stringify({ same: model === named, shape: output.shape, whole: [...output.data], steps: steps.flat() }));`;
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', program];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as {
    readonly same: boolean;
    readonly shape: number[];
    readonly whole: number[];
    readonly steps: number[];
  };
}

describe('a module', () => {
  it.each([
    ['float32', false, 1e-6],
    ['float32', true, 1e-6],
    ['float16', false, 2e-3],
    ['int8', true, 4e-2],
  ] as const)('with %s weights, simd %s, computes what the engine computes', async (weights, simd, tolerance) => {
    const model = await createModel(SPEC, { backend: 'reference' });
    const { output } = await model.predict(TOKENS);
    const file = parseModel(await serializeModel(model));
    model.dispose();
    const { code, types } = toModule(file, { weights, simd });
    const found = run(`${weights}-${simd}`, code);
    expect(found.same).toBe(true);
    expect(found.shape).toEqual([7, 1, 7]);
    const differences = found.whole.map((value, i) => Math.abs(value - output.data[i]!));
    expect(Math.max(...differences)).toBeLessThan(tolerance);
    expect(found.steps).toEqual(found.whole);
    // A module that stored float32 weights under another name would be exact.
    if (weights !== 'float32') expect(Math.max(...differences)).toBeGreaterThan(1e-6);
    const programText = code.replaceAll(/["'][\w+/=]{200,}["']/g, ''); // without base64
    expect(programText).not.toMatch(/\bimport\s*[({"'*]|\beval\(|new Function/);
    expect(types).toContain('export default model;');
  });

  it('is smaller with smaller weights', async () => {
    const model = await createModel(
      { inputSize: 64, layers: [{ kind: 'lstm', hiddenSize: 64 }] },
      { backend: 'reference' },
    );
    const file = parseModel(await serializeModel(model));
    model.dispose();
    const size = (weights: 'float32' | 'float16' | 'int8'): number => toModule(file, { weights }).code.length;
    const matrices = 2 * 4 * 64 * 64;
    expect(size('float32') - size('float16')).toBeGreaterThan((matrices * 2 * 4) / 3 - 100);
    expect(size('float16') - size('int8')).toBeGreaterThan((matrices * 4) / 3 - 4000);
  });
});

describe('half precision', () => {
  it('reads back every number that it can write', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfValue(bits);
      if (Number.isFinite(value)) expect(halfBits(value)).toBe(bits);
    }
  });

  it('rounds to the nearest number, ties to even', () => {
    const random = testRandom(4);
    const near = (value: number): number => Math.abs(halfValue(halfBits(value)) - value);
    fc.assert(
      fc.property(fc.double({ min: -65519, max: 65519, noNaN: true }), (value) => {
        const bits = halfBits(value);
        for (const other of [bits - 1, bits + 1]) {
          const distance = Math.abs(halfValue(other & 0xffff) - value);
          if (Number.isFinite(distance)) expect(near(value)).toBeLessThanOrEqual(distance);
        }
      }),
      { seed: Math.floor(random.uniform() * 1e6), numRuns: 500 },
    );
    expect([2049, 2051, 65519, 65520, 2 ** -25, 3 * 2 ** -25].map((value) => halfValue(halfBits(value)))).toEqual([
      2048,
      2052,
      65504,
      Number.POSITIVE_INFINITY,
      0,
      2 ** -23,
    ]);
  });
});
