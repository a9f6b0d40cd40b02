/** onnxruntime computes of an exported file what the engine computes. make-onnxruntime.mjs ran it. */
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { ModelSpec } from '../../../src/core/spec.js';
import { toOnnx } from '../../../src/interop/exports/onnx.js';
import { fromOnnx } from '../../../src/interop/imports/onnx/index.js';
import { inputsFor, withParameters } from './models.js';
import { fixture, predicted } from './support.js';

interface Case {
  readonly spec: ModelSpec;
  readonly seed: number;
  /** Of the file that onnxruntime ran. */
  readonly sha256: string;
  readonly shape: readonly number[];
  readonly output: readonly number[];
}
const LINES = new TextDecoder().decode(fixture('onnxruntime.jsonl')).trim().split('\n');
const CASES = LINES.map((line) => JSON.parse(line) as Case);

test('the files are those that onnxruntime ran; after a change of toOnnx, run make-onnxruntime.mjs', () => {
  const hash = ({ spec, seed }: Case): string =>
    createHash('sha256')
      .update(toOnnx(withParameters(spec, seed)))
      .digest('hex');
  expect(CASES.map(hash)).toEqual(CASES.map(({ sha256 }) => sha256));
});

test('onnxruntime and the engine agree to 1e-6', async () => {
  let worst = 0;
  for (const { spec, seed, shape, output } of CASES) {
    const { batchSize, inputs } = inputsFor(spec, seed);
    const found = await predicted(fromOnnx(toOnnx(withParameters(spec, seed))), inputs, batchSize);
    expect([...found.shape]).toEqual(shape);
    const errors = output.map((value, i) => Math.abs(found.data[i]! - value) / Math.max(1, Math.abs(value)));
    worst = Math.max(worst, ...errors);
  }
  expect(worst).toBeGreaterThan(0);
  expect(worst).toBeLessThan(1e-6);
});

test('the cases have every activation, direction and bias', () => {
  const text = JSON.stringify(CASES.map(({ spec }) => spec));
  const words = ['reverse', 'bidirectional', 'single', 'learned', 'coupled', 'peepholes', 'repeat', 'tied', 'softplus'];
  for (const word of [...words, 'hardSigmoid', 'thresholdedRelu', 'scaledTanh', 'affine']) {
    expect(text).toContain(`"${word}"`);
  }
});
