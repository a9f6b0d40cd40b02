/** What belongs to one model is rejected by every other one, even if it has the same spec. */
import { describe, expect, test } from '@jest/globals';
import { Arena } from '../../src/core/memory/parameters.js';
import type { Model } from '../../src/core/model.js';
import { adam } from '../../src/optim/adam.js';
import { OptimizerRun } from '../../src/optim/optimizer.js';
import { BACKENDS } from '../support/backends.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { lstm, VALUES, VALUES_BATCH } from './support.js';

const batch = VALUES_BATCH;
const { batchSize: N } = batch;
const OTHER = { ...VALUES, layers: [lstm(3), lstm(5), { kind: 'linear', size: 2 } as const] };

describe.each(BACKENDS)('on $name in $precision', ({ create }) => {
  test.each([
    ['a twin on another backend', VALUES, false],
    ['a twin on the same backend', VALUES, true],
    ['a model of other sizes', OTHER, false],
  ])('what belongs to %s is rejected, and nothing changes', async (_, spec, isShared) => {
    const k = await create();
    const model = buildModel(k, VALUES, true);
    const other: Model = buildModel(isShared ? k : await create(), { ...spec, seed: 2 }, true);
    const right = await model.gradients(batch);
    const { tape, gradients } = await other.gradients(batch);
    const own = { tape: model.tape(batch), gradients: model.arena() };
    const before = [await other.parameters.download(), await model.parameters.download()];
    const run = new OptimizerRun(model.kernels, adam(), model.parameters);
    const uses: Readonly<Record<string, readonly [path: string, use: () => unknown]>> = {
      'gradients, tape': ['tape', () => model.gradients(batch, { ...own, tape })],
      'gradients, gradients': ['gradients', () => model.gradients(batch, { ...own, gradients })],
      'gradients, from': ['from', () => model.gradients(batch, { ...own, from: tape })],
      'evaluate, tape': ['tape', () => model.evaluate(batch, { tape })],
      'evaluate, from': ['from', () => model.evaluate(batch, { from: tape })],
      'predict, from': ['from', () => model.predict(batch.inputs, { batchSize: N, from: tape })],
      'stream, restore': ['from', () => model.stream(N).restore(tape)],
      'tape.begin': ['from', () => own.tape.begin(tape)],
      'tape.forward': ['parameters', () => own.tape.forward(other.parameters, batch.inputs)],
      'tape.forward with gradients': ['parameters', () => own.tape.forward(gradients, batch.inputs)],
      'tape.backward': ['parameters', () => own.tape.backward(other.parameters, own.gradients)],
      'tape.backward, gradients': ['gradients', () => own.tape.backward(model.parameters, gradients)],
      'OptimizerRun.apply': ['gradients', () => run.apply(gradients.matrix, 1, 0.1)],
    };
    for (const [name, [path, use]] of Object.entries(uses)) {
      const error = await rejected(async () => use());
      expect([name, problemOf(error, 'INVALID_SETTING').path]).toEqual([name, path]);
      expect(error.message).toContain('belongs to another model');
    }
    const rows = [
      { ...own.gradients.matrix },
      k.alloc(1, model.size),
      new Arena(await create(), model.parameters.layout).matrix,
    ];
    for (const row of rows) problemOf(await rejected(async () => run.apply(row, 1, 0.1)), 'INVALID_SETTING');
    const freed = model.arena();
    const { matrix } = freed;
    freed.free();
    expect((await rejected(async () => run.apply(matrix, 1, 0.1))).code).toBe('DISPOSED');
    if (!isShared) {
      const error = await rejected(async () => new OptimizerRun(other.kernels, adam(), model.parameters));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe('kernels');
    }
    expect([await other.parameters.download(), await model.parameters.download()]).toEqual(before);
    expect((await model.gradients(batch, own)).loss).toBe(right.loss);
  });

  test('states are numbers: those of another model are compared by their shapes', async () => {
    const [model, twin, other] = [VALUES, VALUES, OTHER].map(async (spec, seed) =>
      buildModel(await create(), { ...spec, seed: seed + 1 }),
    );
    const { state, tape } = await (await twin!).predict(batch.inputs, { batchSize: N, tape: true });
    const expected = await (await model!).predict(batch.inputs, { batchSize: N, from: state });
    const live = await (await model!).predict(batch.inputs, { batchSize: N, from: tape.states });
    expect(live.output.toArray()).toEqual(expected.output.toArray());
    const wrong = await rejected(async () => (await other!).predict(batch.inputs, { batchSize: N, from: state }));
    expect(wrong.code).toBe('SHAPE_MISMATCH');
  });
});
