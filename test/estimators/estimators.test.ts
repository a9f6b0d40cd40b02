/** Estimators compared with the exact gradient: exact ones equal it, and each method has its known special cases. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { createReference } from '../../src/kernels/reference/index.js';
import {
  artbp,
  bptt,
  cellSystem,
  eprop,
  type GradientEstimator,
  kfRtrl,
  modelSystem,
  pes,
  rflo,
  rnnCell,
  rtrl,
  type StepData,
  type System,
  snap,
  squaredErrorReadout,
  tbptt,
  unroll,
} from '../../src/lab/index.js';
import { flat } from '../support/arrays.js';
import { rejected } from '../support/errors.js';
import { expectClose, golden, tensor } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { make, SPECS } from './support.js';

/** Sum of all emissions. */
function gradientOf(
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  every = estimator.every,
) {
  const sum = new Float64Array(system.parameters.length);
  const run = estimator.start(system, createRng(5, 'test'));
  const windows: number[] = [];
  const { loss } = unroll(system, run, sequence, { every }, (gradient, { from, to }) => {
    windows.push(to - from);
    for (let p = 0; p < sum.length; p++) sum[p]! += gradient[p]!;
  });
  run.reset();
  return { gradient: sum, loss, windows, cost: run.cost };
}

const off = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (v, i) => v - b[i]!)) / Math.hypot(...Array.from(b));

describe.each(Object.entries(SPECS))('%s', (name, spec) => {
  test('bptt over steps is the gradient of a whole tape', async () => {
    const { model, system, sequence } = make(spec, { batchSize: 2 });
    const { gradient, loss } = gradientOf(bptt(), system, sequence);
    const whole = (pick: (data: StepData) => ArrayLike<number>) => sequence.flatMap((data) => Array.from(pick(data)));
    const { gradients, loss: mean } = await model.gradients({
      steps: sequence.length,
      batchSize: 2,
      inputs: whole(({ input }) => input),
      targets:
        name === 'tokens'
          ? Int32Array.from(whole(({ target }) => target!))
          : Float64Array.from(whole(({ target }) => target!)),
    });
    const numbers = model.kernels.host(gradients.matrix)!;
    expect(loss / sequence.length).toBeCloseTo(mean, 12);
    expect(
      off(
        gradient,
        numbers.map((v) => v * sequence.length),
      ),
    ).toBeLessThan(1e-13);
  });

  test('rtrl is bptt, and so is tbptt over the whole sequence', () => {
    const { system, sequence } = make(spec);
    const exact = gradientOf(bptt(), system, sequence).gradient;
    expect(off(gradientOf(rtrl(), system, sequence).gradient, exact)).toBeLessThan(1e-12);
    expect(off(gradientOf(rtrl(), system, sequence, 2).gradient, exact)).toBeLessThan(1e-12);
    const T = sequence.length;
    expect(gradientOf(tbptt({ k1: T, k2: T }), system, sequence).gradient).toEqual(exact);
    expect(off(gradientOf(tbptt({ k1: 1, k2: T }), system, sequence).gradient, exact)).toBeLessThan(1e-13);
  });
});

describe('one layer', () => {
  const plain = () => make(SPECS.plain!, { steps: 8 });

  test('snap of full reach is rtrl, and of one step is not; the local rule equals the masked matrix', async () => {
    const { system, sequence } = plain();
    const exact = gradientOf(rtrl(), system, sequence).gradient;
    expect(off(gradientOf(snap({ n: 2 }), system, sequence).gradient, exact)).toBeLessThan(1e-13);
    const one = gradientOf(snap({ n: 1 }), system, sequence);
    expect(off(one.gradient, exact)).toBeGreaterThan(1e-3);
    const { maskedRtrl } = await import('../../src/estimators/methods/rtrl.js');
    expect(off(one.gradient, gradientOf(maskedRtrl(1), system, sequence).gradient)).toBeLessThan(1e-13);
    expect(one.cost.floats).toBe(2 * 4 * 4 * (3 + 4 + 1));
  });

  test('e-prop of a model without recurrent weights is exact; with them it is not', () => {
    const { model, system, sequence } = plain();
    const exact = () => gradientOf(bptt(), system, sequence).gradient;
    expect(off(gradientOf(eprop(), system, sequence).gradient, exact())).toBeGreaterThan(1e-3);
    expect(gradientOf(eprop(), system, sequence).gradient).not.toEqual(
      gradientOf(snap({ n: 1 }), system, sequence).gradient,
    );
    model.parameters.set('lstm.weight_hh_l0', new Float64Array(64));
    const found = gradientOf(eprop(), system, sequence).gradient;
    const { offset, size } = model.parameters.layout.entry('lstm.weight_hh_l0');
    expect(off(found, exact())).toBeLessThan(1e-13);
    expect(Math.hypot(...found.subarray(offset, offset + size))).toBeGreaterThan(0);
  });

  test('rflo sends the error back through random weights, but the gradient of the readout is exact', () => {
    const { model, system, sequence } = plain();
    const [a, b] = [gradientOf(rflo(), system, sequence).gradient, gradientOf(bptt(), system, sequence).gradient];
    const { offset } = model.parameters.layout.entry('head.weight');
    expect(off(a.subarray(offset), b.subarray(offset))).toBeLessThan(1e-13);
    expect(off(a.subarray(0, offset), b.subarray(0, offset))).toBeGreaterThan(0.1);
  });

  test('steps without a loss, and windows that do not divide the sequence', () => {
    const { system, sequence } = plain();
    const some = sequence.map((data, t) => (t % 3 === 1 ? data : { ...data, target: null }));
    const exact = gradientOf(bptt(), system, some);
    for (const estimator of [rtrl(), tbptt({ k1: 3, k2: 8 })]) {
      const found = gradientOf(estimator, system, some, 3);
      expect(off(found.gradient, exact.gradient)).toBeLessThan(1e-12);
      expect(found.windows).toEqual([3, 3, 2]);
      expect(found.loss).toBeCloseTo(exact.loss, 12);
    }
  });
});

test('a plain RNN: rtrl, snap and e-prop', () => {
  const [cell, readout] = [rnnCell(2, 3), squaredErrorReadout(3, 2)];
  const random = createRng(1, 'rnn');
  const normals = (n: number) => Float64Array.from({ length: n }, () => random.normal() / 2);
  const system = cellSystem(cell, readout, normals(cell.parameterCount + readout.parameterCount));
  const sequence = Array.from({ length: 6 }, () => ({ input: normals(2), target: normals(2) }));
  const exact = gradientOf(bptt(), system, sequence).gradient;
  expect(off(gradientOf(rtrl(), system, sequence).gradient, exact)).toBeLessThan(1e-13);
  expect(off(gradientOf(snap({ n: 2 }), system, sequence).gradient, exact)).toBeLessThan(1e-13);
  // A unit of a plain RNN has no internal state, so its trace covers one step only: TBPTT of one step.
  const one = gradientOf(tbptt({ k1: 1, k2: 1 }), system, sequence).gradient;
  expect(off(gradientOf(eprop(), system, sequence).gradient, one)).toBeLessThan(1e-13);
});

test('truncated-bptt: every (k1, k2)', () => {
  const g = golden('truncated-bptt');
  const sizes = g.config as Record<'inputSize' | 'hiddenSize' | 'outputSize' | 'steps', number>;
  const { inputSize: D, hiddenSize, outputSize: O, steps: T } = sizes;
  const model = buildModel(createReference('float64'), {
    inputSize: D,
    layers: [
      { kind: 'lstm', hiddenSize, bias: 'single' },
      { kind: 'linear', size: O },
    ],
  });
  const names = { weight_ih: 'lstm.weight_ih_l0', weight_hh: 'lstm.weight_hh_l0', bias: 'lstm.bias_ih_l0' };
  const all = { ...names, head_weight: 'head.weight', head_bias: 'head.bias' };
  for (const [from, name] of Object.entries(all)) model.parameters.set(name, tensor(g, from));
  const system = modelSystem(model);
  const cut = (name: string, t: number, width: number) => tensor(g, name).slice(t * width, (t + 1) * width);
  const sequence = Array.from({ length: T }, (_, t) => ({ input: cut('x', t, D), target: cut('target', t, O) }));
  const pairs = g.config.pairs as [number, number][];
  expect(pairs).toHaveLength(7);
  for (const [k1, k2] of pairs) {
    // The file uses whole windows only, and sums over the outputs instead of taking their mean.
    const counted = sequence.slice(0, Math.floor(T / k1) * k1);
    const { gradient } = gradientOf(tbptt({ k1, k2: Math.max(k1, k2) }), system, counted);
    if (k2 < k1) throw new Error('the file has a pair with k2 < k1, which tbptt() rejects');
    for (const [from, name] of Object.entries(all)) {
      const { offset, size } = model.parameters.layout.entry(name);
      const part = [...gradient.subarray(offset, offset + size)].map((v) => v * O);
      expectClose(`${from} of (${k1}, ${k2})`, part, tensor(g, `grad.${k1}.${k2}.${from}`), 1e-10);
    }
  }
  expect(flat(model.parameters.get('head.bias'))).toHaveLength(O);
});

describe('rejects what a method does not support', () => {
  test.each([
    [
      'more than one row',
      () => rtrl().start(make(SPECS.plain!, { batchSize: 2 }).system, createRng(1, 'x')),
      /^batchSize must be 1/,
    ],
    [
      'no closed form',
      () => gradientOf(kfRtrl(), make(SPECS.stacked!).system, make(SPECS.stacked!).sequence),
      /kfRtrl needs/,
    ],
    ['k2 under k1', () => tbptt({ k1: 4, k2: 2 }), /^k2 must be an integer from 4/],
    ['an odd number of particles', () => pes({ particles: 3 }), /particles/],
    ['a cut of 1', () => artbp({ cut: 1 }), /^cut must be a number from 0 to 0.999/],
  ])('%s', async (_name, act, message) => {
    expect((await rejected(async () => act())).message).toMatch(message);
  });

  test('a reverse LSTM, and one that returns the last step only', async () => {
    const layer = { kind: 'lstm' as const, hiddenSize: 2 };
    for (const [rest, message] of [
      [{ direction: 'reverse' as const }, /reads from the last step to the first/],
      [{ returns: 'last' as const }, /returns/],
    ] as const) {
      const model = buildModel(createReference('float64'), { inputSize: 2, layers: [{ ...layer, ...rest }] });
      expect((await rejected(async () => modelSystem(model))).message).toMatch(message);
    }
  });
});
