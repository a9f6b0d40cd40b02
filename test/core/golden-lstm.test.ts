/** torch.nn.LSTM and the cell written out, forward and every gradient, against the golden vectors. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/core/kernels.js';
import { Model } from '../../src/core/model.js';
import type { Tape } from '../../src/core/tape.js';
import { flat } from '../support/arrays.js';
import { BACKENDS } from '../support/backends.js';
import { expectClose, type GoldenCase, golden, TOLERANCE, tensor } from '../support/golden.js';

interface Sizes {
  inputSize: number;
  hiddenSize: number;
  batch: number;
  steps: number;
  layers?: number;
  bias?: boolean;
}

function build(g: GoldenCase, k: Kernels): { model: Model; tape: Tape; sizes: Sizes } {
  const sizes = g.config as unknown as Sizes;
  const model = new Model(k, {
    inputSize: sizes.inputSize,
    layers: Array.from({ length: sizes.layers ?? 1 }, () => ({
      kind: 'lstm' as const,
      hiddenSize: sizes.hiddenSize,
      bias: g.tensors.bias ? ('single' as const) : (sizes.bias ?? true),
    })),
  });
  for (const { name } of model.parameters.layout.entries) {
    model.parameters.set(name, parameter(g, name.replace('lstm.', '')));
  }
  return { model, tape: model.tape({ steps: sizes.steps, rows: sizes.batch }), sizes };
}

/** Of the model's parameter; the written-out cell has a single bias, and no levels. */
function parameter(g: GoldenCase, name: string): readonly number[] {
  if (g.tensors[name]) return tensor(g, name);
  if (name === 'bias_ih_l0') return tensor(g, 'bias');
  return tensor(g, name.replace('_l0', ''));
}

/**
 * Forward from (h0, c0), then backward from dy, dhn and dcn. The model's own passes start from zero or a tape and end
 * in a loss, so the case's states and gradients are put onto the tape's buffers by hand.
 */
function run(g: GoldenCase, k: Kernels) {
  const { model, tape, sizes } = build(g, k);
  const per = sizes.batch * sizes.hiddenSize;
  const part = (name: string, layer: number) => tensor(g, name).slice(layer * per, (layer + 1) * per);
  tape.lstms.forEach((layer, l) => {
    k.upload(layer.initialState().h, part('h0', l));
    k.upload(layer.initialState().c, part('c0', l));
  });
  tape.forward(model.parameters, tensor(g, 'x'));
  const y = flat(tape.output);
  const gradients = model.arena();
  k.upload(tape.layers.at(-1)!.dy!, tensor(g, 'dy'));
  const handle = (values: readonly number[]) => {
    const m = k.alloc(sizes.batch, sizes.hiddenSize);
    k.upload(m, values);
    return m;
  };
  const after = tape.lstms.map((_, l) => ({ h: handle(part('dhn', l)), c: handle(part('dcn', l)) }));
  tape.backward(model.parameters, gradients, after);
  return { model, tape, gradients, sizes, y };
}

describe.each(BACKENDS)('torch.nn.LSTM on $name in $precision', ({ precision, create }) => {
  let k: Kernels;
  beforeAll(async () => {
    k = await create();
  });

  test.each(['lstm-basic', 'lstm-no-bias', 'lstm-wide', 'lstm-batch-of-one', 'lstm-one-step', 'lstm-stacked'])(
    '%s: outputs, states and every gradient',
    async (name) => {
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
        expectClose(name, flat(gradients.get(name)), tensor(g, `grad.${name.replace('lstm.', '')}`), tolerance);
      }
      expect(model.parameters.layout.entries.length).toBe((g.config.bias === false ? 2 : 4) * tape.lstms.length);
    },
  );

  test('cell-standard: every gate, state and total derivative at every step', () => {
    const g = golden('cell-standard');
    const { tape, gradients, sizes } = run(g, k);
    const tolerance = TOLERANCE[precision];
    const per = sizes.batch * sizes.hiddenSize;
    const trace = (name: string, t: number) => tensor(g, `trace.${name}`).slice(t * per, (t + 1) * per);
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
    expect(tape.steps).toHaveLength(sizes.steps);
    tape.steps.forEach((step, t) => {
      for (const s of ['i', 'f', 'g', 'o'] as const) {
        expectClose(`${s} at ${t}`, flat(step.gates[s]), trace(s, t), tolerance);
        const activated = trace(`a${s}`, t).map(s === 'g' ? Math.tanh : sigmoid);
        expectClose(`activated a${s} at ${t}`, flat(step.gates[s]), activated, tolerance);
        expectClose(`d${s} at ${t}`, flat(step.grad.gates[s]), trace(`grad.${s}`, t), tolerance);
        expectClose(`da${s} at ${t}`, flat(step.grad.preactivations[s]), trace(`grad.a${s}`, t), tolerance);
      }
      expectClose(`c at ${t}`, flat(step.c), trace('c', t), tolerance);
      expectClose(`h at ${t}`, flat(step.h), trace('h', t), tolerance);
      expectClose(`dc at ${t}`, flat(step.grad.c), trace('grad.c', t), tolerance);
      expectClose(`dh at ${t}`, flat(step.grad.h), trace('grad.h', t), tolerance);
    });
    expectClose('bias', flat(gradients.get('lstm.bias_ih_l0')), tensor(g, 'grad.bias'), tolerance);
    expectClose('weight_ih', flat(gradients.get('lstm.weight_ih_l0')), tensor(g, 'grad.weight_ih'), tolerance);
    expectClose('weight_hh', flat(gradients.get('lstm.weight_hh_l0')), tensor(g, 'grad.weight_hh'), tolerance);
  });
});
