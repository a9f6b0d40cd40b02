/** Outputs and gradients agree with the golden vectors of torch.nn.LSTM and of the cell variants. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { flat } from '../support/arrays.js';
import { BACKENDS_AND_BLAS } from '../support/backends.js';
import { expectClose, type GoldenCase, golden, TOLERANCE, tensor } from '../support/golden.js';
import { CELLS, CONSTANT, goldenModel, goldenName } from '../support/golden-lstm.js';

/** Runs forward from (h0, c0), then backward from dy, dhn and dcn, without a loss. */
function run(g: GoldenCase, k: Kernels) {
  const { model, sizes } = goldenModel(g, k);
  const tape = model.tape({ steps: sizes.steps, batchSize: sizes.batch }, { lengths: Boolean(sizes.lengths) });
  if (sizes.lengths) tape.setLengths(sizes.lengths);
  const part = (name: string, layer: number) => {
    const all = tensor(g, name);
    const per = all.length / tape.lstms.length;
    return all.slice(layer * per, (layer + 1) * per);
  };
  tape.begin(tape.lstms.map((_, l) => ({ h: part('h0', l), c: part('c0', l) })));
  tape.forward(model.parameters, tensor(g, 'x'));
  const y = flat(tape.output);
  const gradients = model.arena();
  k.upload(tape.layers.at(-1)!.dy!, tensor(g, 'dy'));
  const handle = (values: readonly number[]) => {
    const m = k.alloc(sizes.batch, values.length / sizes.batch);
    k.upload(m, values);
    return m;
  };
  const after = tape.lstms.map((_, l) => ({ h: handle(part('dhn', l)), c: handle(part('dcn', l)) }));
  tape.backward(model.parameters, gradients, after);
  return { model, tape, gradients, sizes, y };
}

describe.each(BACKENDS_AND_BLAS)('torch.nn.LSTM on $name in $precision', ({ precision, create }) => {
  let k: Kernels;
  beforeAll(async () => {
    k = await create();
  });

  test.each([
    'lstm-basic',
    'lstm-no-bias',
    'lstm-wide',
    'lstm-batch-of-one',
    'lstm-one-step',
    'lstm-stacked',
    'lstm-bidirectional',
    'lstm-projected',
    'lstm-packed',
    'lstm-packed-bidirectional',
  ])('%s: outputs, states and every gradient', async (name) => {
    const g = golden(name);
    const { model, tape, gradients, y } = run(g, k);
    const tolerance = TOLERANCE[precision];
    const read = async (part: 'h' | 'c', of: 'finalState' | 'initialStateGrad') =>
      (await Promise.all(tape.lstms.map((l) => model.kernels.download(l[of]()![part])))).flatMap((a) => [...a]);
    expectClose('y', y, tensor(g, 'y'), tolerance);
    expectClose('hn', await read('h', 'finalState'), tensor(g, 'hn'), tolerance);
    expectClose('cn', await read('c', 'finalState'), tensor(g, 'cn'), tolerance);
    expectClose('dx', flat(tape.inputGrad!), tensor(g, 'grad.x'), tolerance);
    expectClose('dh0', await read('h', 'initialStateGrad'), tensor(g, 'grad.h0'), tolerance);
    expectClose('dc0', await read('c', 'initialStateGrad'), tensor(g, 'grad.c0'), tolerance);
    for (const { name } of model.parameters.layout.entries) {
      expectClose(name, flat(gradients.get(name)), tensor(g, `grad.${goldenName(g, name)}`), tolerance);
    }
    const parts = (g.config.bias === false ? 2 : 4) + (g.config.projectionSize ? 1 : 0);
    expect(model.parameters.layout.entries.length).toBe(parts * tape.lstms.length);
  });

  test.each(Object.keys(CELLS))('cell-%s: every gate, state and total derivative at every step', (variant) => {
    const g = golden(`cell-${variant}`);
    const { model, tape, gradients, sizes, y } = run(g, k);
    const tolerance = TOLERANCE[precision];
    const per = sizes.batch * sizes.hiddenSize;
    const trace = (name: string, t: number) => tensor(g, `trace.${name}`).slice(t * per, (t + 1) * per);
    const isConstant = (s: string) => CONSTANT[variant] === s || (s === 'f' && variant.startsWith('coupled'));
    expect(tape.steps).toHaveLength(sizes.steps);
    expectClose('y', y, tensor(g, 'y'), tolerance);
    tape.steps.forEach((step, t) => {
      for (const s of ['i', 'f', 'g', 'o'] as const) {
        expectClose(`${s} at ${t}`, flat(step.gates[s]), trace(s, t), tolerance);
        const squash = s === 'g' ? (variant === 'no-input-activation' ? (z: number) => z : Math.tanh) : sigmoid;
        const activated = trace(`a${s}`, t).map(squash);
        if (!isConstant(s)) expectClose(`activated a${s} at ${t}`, flat(step.gates[s]), activated, tolerance);
        expectClose(`d${s} at ${t}`, flat(step.grad.gates[s]), trace(`grad.${s}`, t), tolerance);
        expectClose(`da${s} at ${t}`, flat(step.grad.preactivations[s]), trace(`grad.a${s}`, t), tolerance);
      }
      expectClose(`c at ${t}`, flat(step.c), trace('c', t), tolerance);
      expectClose(`h at ${t}`, flat(step.h), trace('h', t), tolerance);
      expectClose(`dc at ${t}`, flat(step.grad.c), trace('grad.c', t), tolerance);
      expectClose(`dh at ${t}`, flat(step.grad.h), trace('grad.h', t), tolerance);
    });
    expectClose('dx', flat(tape.inputGrad!), tensor(g, 'grad.x'), tolerance);
    expectClose('dh0', flat(tape.steps[0]!.grad.before.h), tensor(g, 'grad.h0'), tolerance);
    expectClose('dc0', flat(tape.steps[0]!.grad.before.c), tensor(g, 'grad.c0'), tolerance);
    const names = model.parameters.layout.entries.map((e) => e.name);
    for (const name of names) {
      expectClose(name, flat(gradients.get(name)), tensor(g, `grad.${goldenName(g, name)}`), tolerance);
    }
    const inFile = Object.keys(g.tensors).filter(
      (name) => g.tensors[`grad.${name}`] && !['x', 'h0', 'c0'].includes(name),
    );
    expect(names.map((name) => goldenName(g, name)).sort()).toEqual(inFile.sort());
  });
});

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
