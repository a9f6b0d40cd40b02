import { describe, expect, test } from '@jest/globals';
import type { FloatArray } from '../../src/contract/kernels.js';
import { expectSameBits, flat } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { testRandom } from '../support/random.js';
import { build, VALUES, VALUES_BATCH } from './support.js';

describe('the tape is open', () => {
  const batch = VALUES_BATCH;
  const { steps: T, batchSize: N } = batch;

  test('its views are the live memory, which the engine reads', () => {
    const model = build(VALUES);
    const tape = model.tape({ steps: T, batchSize: N });
    tape.forward(model.parameters, batch.inputs);
    const { h, gates } = tape.steps[2]!;
    const before = flat(h);
    const output = flat(tape.output);
    model.parameters.get('lstm.bias_ih_l0').set(1, 3);
    tape.forward(model.parameters, batch.inputs);
    expect(flat(h)).not.toEqual(before);
    expect(flat(tape.output)).not.toEqual(output);
    h.set(1, 3, 42);
    expect(tape.steps[2]!.h.get(1, 3)).toBe(42);
    expect(tape.steps[3]!.before.h.get(1, 3)).toBe(42);
    gates.f.set(0, 1, -7);
    expect(tape.lstm(0).step(2).gates.f.get(0, 1)).toBe(-7);
    expect(tape.lstm(0).step(2).gates.i.get(0, 1)).not.toBe(-7);
  });

  test('gradients are live memory, too', async () => {
    const model = build(VALUES);
    const { gradients, tape } = await model.gradients(batch);
    const view = gradients.get('head.bias');
    expect(Math.abs(view.get(0))).toBeGreaterThan(0);
    gradients.clear();
    expect(flat(view)).toEqual([0, 0]);
    expect(tape.inputGrad!.shape).toEqual([T, N, 3]);
    expect(Math.hypot(...flat(tape.inputGrad!))).toBeGreaterThan(0);
  });

  test('step t starts from the state of step t-1, and x is the output of the previous layer', async () => {
    const model = build(VALUES);
    const { tape } = await model.gradients(batch);
    expect(tape.lstms).toHaveLength(2);
    for (let t = 0; t < T; t++) {
      const [low, high] = [tape.lstm(0).step(t), tape.lstm(1).step(t)];
      expect(low.t).toBe(t);
      expect(flat(low.x)).toEqual(Array.from(batch.inputs).slice(t * N * 3, (t + 1) * N * 3));
      expect(flat(high.x)).toEqual(flat(low.h));
      expect(flat(low.before.c)).toEqual(t === 0 ? new Array(N * 4).fill(0) : flat(tape.steps[t - 1]!.c));
      if (t > 0) expect(flat(high.grad.before.h)).toEqual(flat(tape.lstm(1).step(t - 1).grad.h));
    }
  });

  test('a backward pass over a tape without gradients throws', async () => {
    for (const layers of [VALUES.layers, VALUES.layers.slice(0, 2)]) {
      const model = build({ ...VALUES, layers });
      const tape = model.tape(batch, { gradients: false });
      const targets = new Float64Array(T * N * model.outputSize);
      const error = await rejected(() => model.gradients({ ...batch, targets }, { tape }));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe('tape');
    }
  });

  test('reading gradients of a tape without gradients throws', () => {
    const model = build(VALUES);
    const tape = model.tape({ steps: T, batchSize: N }, { gradients: false });
    tape.forward(model.parameters, batch.inputs);
    expect(
      problemOf(
        thrown(() => tape.steps[0]!.grad),
        'INVALID_SETTING',
      ).path,
    ).toBe('grad');
    expect(tape.inputGrad).toBeNull();
    expect(tape.lstm(0).initialStateGrad()).toBeNull();
  });

  test('inputGradient: false omits only the gradient of the input', async () => {
    const model = build(VALUES);
    const tape = model.tape(batch, { inputGradient: false });
    const { gradients } = await model.gradients(batch, { tape });
    expect(tape.inputGrad).toBeNull();
    const whole = await model.gradients(batch);
    for (const { name } of gradients.layout.entries) {
      expectSameBits(flat(gradients.get(name)), flat(whole.gradients.get(name)));
    }
  });

  test.each([-1, 2, 0.5])('LSTM layer %d does not exist', (index) => {
    const tape = build(VALUES).tape({ steps: T, batchSize: N });
    const error = thrown(() => tape.lstm(index));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(`lstm(${index})`);
    expect(error.message).toContain('2 LSTMs');
  });

  test.each([-1, 4, 1.5, Number.NaN])('step %d does not exist', (t) => {
    const tape = build(VALUES).tape({ steps: T, batchSize: N });
    const error = thrown(() => tape.lstm(1).step(t));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(`step(${t})`);
    expect(error.message).toContain('lstm_l1 has steps 0 to 3');
  });

  test('a reused tape does not depend on its previous pass', async () => {
    const model = build(VALUES);
    const tape = model.tape(batch);
    const other = { ...batch, inputs: testRandom(8).normals(T * N * 3) };
    await model.gradients(other, { tape });
    const again = await model.gradients(batch, { tape });
    const fresh = await model.gradients(batch);
    expect(again.loss).toBe(fresh.loss);
    const read = (m: typeof again): Promise<FloatArray> => model.kernels.download(m.gradients.matrix);
    expectSameBits(await read(again), await read(fresh));
    expectSameBits(flat(tape.inputGrad!), flat(fresh.tape.inputGrad!));
  });

  test('a tape can compute different losses one after another', async () => {
    const model = build(VALUES);
    const tape = model.tape(batch);
    const bits = { ...batch, targets: Array.from(batch.targets, (v) => (v > 0 ? 1 : 0)) };
    const first = await model.gradients(bits, { tape, loss: 'meanSquaredError' });
    const second = await model.gradients(bits, { tape, loss: 'binaryCrossEntropy' });
    expect(second.loss).not.toBe(first.loss);
    expect(second.loss).toBe((await model.gradients(bits, { loss: 'binaryCrossEntropy' })).loss);
    expect((await model.gradients(bits, { tape, loss: { kind: 'meanSquaredError' } })).loss).toBe(first.loss);
  });
});
