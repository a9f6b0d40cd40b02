/** Two trainings recorded with PyTorch: all losses, gradient norms and final parameters. */
import { describe, expect, test } from '@jest/globals';
import type { ModelSpec } from '../../src/core/spec.js';
import type { BatchSource } from '../../src/data/source.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { BACKENDS_AND_BLAS, type TestBackend } from '../support/backends.js';
import { expectClose, type GoldenCase, golden, TOLERANCE, tensor } from '../support/golden.js';
import { buildModel } from '../support/model.js';

/** Repeats a recorded training and compares all its numbers. */
async function retrain(g: GoldenCase, backend: TestBackend, spec: ModelSpec, train: BatchSource, options: FitOptions) {
  const model = buildModel(await backend.create(), spec);
  const names = model.parameters.layout.entries.map((e) => e.name);
  expect(names.map((n) => `start.${n}`).sort()).toEqual(
    Object.keys(g.tensors)
      .filter((n) => n.startsWith('start.'))
      .sort(),
  );
  for (const name of names) model.parameters.set(name, tensor(g, `start.${name}`));
  const losses: number[] = [];
  const norms: number[] = [];
  for await (const event of fit(model, { train }, options)) {
    if (event.kind !== 'update') continue;
    losses.push(event.loss);
    norms.push(event.gradientNorm);
  }
  const tolerance = TOLERANCE[backend.precision];
  const expected = g.losses as number[];
  expect(losses).toHaveLength(expected.length);
  losses.forEach((loss, n) => {
    expectClose(`loss of update ${n}`, [loss], [expected[n]!], tolerance);
  });
  const end = await model.parameters.download();
  for (const name of names) expectClose(name, end.get(name)!, tensor(g, `end.${name}`), tolerance);
  return { norms };
}

describe.each(BACKENDS_AND_BLAS)('whole trainings on $name in $precision', (backend) => {
  test('train-language-model: Adam, the norm clipped, the state carried from batch to batch', async () => {
    const g = golden('train-language-model');
    const { vocabulary, embedding, hiddenSize, steps, batch } = g.config as Record<string, number>;
    const tokens = g.tokens as number[][][];
    const rows = (from: number, list: readonly number[][]) => Int32Array.from(list.slice(from, from + steps!).flat());
    const train: BatchSource = {
      stateful: true,
      length: tokens.length,
      batch: (n) => ({ steps: steps!, batchSize: batch!, inputs: rows(0, tokens[n]!), targets: rows(1, tokens[n]!) }),
    };
    const spec: ModelSpec = {
      layers: [
        { kind: 'embedding', size: vocabulary!, width: embedding! },
        { kind: 'lstm', hiddenSize: hiddenSize! },
        { kind: 'lstm', hiddenSize: hiddenSize! },
        { kind: 'linear', size: vocabulary! },
      ],
    };
    const { norms } = await retrain(g, backend, spec, train, { optimizer: adam({ learningRate: 0.02 }), clipNorm: 1 });
    const expected = g.gradientNorms as number[];
    expect(norms).toHaveLength(expected.length);
    norms.forEach((norm, n) => {
      expectClose(`gradient norm of step ${n}`, [norm], [expected[n]!], TOLERANCE[backend.precision]);
    });
  });

  test('train-regression: SGD with Nesterov momentum, the last step only', async () => {
    const g = golden('train-regression');
    const { inputSize, hiddenSize, outputSize, steps, batch } = g.config as Record<string, number>;
    const [x, target] = [tensor(g, 'x'), tensor(g, 'target')];
    const [sizeX, sizeY] = [steps! * batch! * inputSize!, batch! * outputSize!];
    const train: BatchSource = {
      stateful: false,
      length: x.length / sizeX,
      batch: (n) => ({
        steps: steps!,
        batchSize: batch!,
        inputs: x.slice(n * sizeX, (n + 1) * sizeX),
        targets: target.slice(n * sizeY, (n + 1) * sizeY),
      }),
    };
    const spec: ModelSpec = {
      inputSize: inputSize!,
      layers: [
        { kind: 'lstm', hiddenSize: hiddenSize!, returns: 'last' },
        { kind: 'linear', size: outputSize! },
      ],
    };
    await retrain(g, backend, spec, train, { optimizer: sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }) });
  });
});
