/**
 * Computations on single steps of a tape agree with the golden vectors: state Jacobians and total derivatives of the state, row
 * by row from unit cotangents; a directional derivative from them; truncated BPTT from tapes that start at any step.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import type { Model } from '../../src/core/model.js';
import { flat } from '../support/arrays.js';
import { BACKENDS_AND_BLAS } from '../support/backends.js';
import { expectClose, golden, TOLERANCE, tensor } from '../support/golden.js';
import { buildModel } from '../support/model.js';

describe.each(BACKENDS_AND_BLAS)('on $name in $precision', ({ precision, create }) => {
  const tolerance = TOLERANCE[precision];
  let k: Kernels;
  beforeAll(async () => {
    k = await create();
  });

  /** Rows of the derivative of (h, c) after `steps` steps from `s` with respect to the parameters, the first state and the input. */
  function derivatives(model: Model, s: readonly number[], x: readonly number[], steps: number) {
    const H = s.length / 2;
    const tape = model.tape({ steps, batchSize: 1 });
    tape.begin([{ h: s.slice(0, H), c: s.slice(H) }]);
    tape.forward(model.parameters, x);
    const after = { h: k.alloc(1, H), c: k.alloc(1, H) };
    const { dy } = tape.layers[0]!;
    const rows = Array.from({ length: 2 * H }, (_, row) => {
      const unit = (from: number): number[] => Array.from({ length: H }, (_, j) => (j + from === row ? 1 : 0));
      const gradients = model.arena();
      k.fill(dy!, 0);
      k.upload(after.h, unit(0));
      k.upload(after.c, unit(H));
      tape.backward(model.parameters, gradients, [after]);
      const { h, c } = tape.steps[0]!.grad.before;
      return {
        byTheta: [...k.host(gradients.matrix)!],
        byState: [...flat(h), ...flat(c)],
        byInput: flat(tape.inputGrad!),
      };
    });
    const [{ h, c }] = [tape.states[0]!];
    return { rows, state: [...flat(h), ...flat(c)] };
  }

  test('cell-jacobians: states, local Jacobians, influence matrices and a tangent agree', () => {
    const g = golden('cell-jacobians');
    const { inputSize: D, hiddenSize: H, steps: T } = g.config as Record<'inputSize' | 'hiddenSize' | 'steps', number>;
    const model = buildModel(k, { inputSize: D, layers: [{ kind: 'lstm', hiddenSize: H, bias: 'single' }] });
    for (const [name, from] of [
      ['weight_ih', 'weight_ih'],
      ['weight_hh', 'weight_hh'],
      ['bias_ih', 'bias'],
    ] as const) {
      model.parameters.set(`lstm.${name}_l0`, tensor(g, from));
    }
    const part = (name: string, t: number, size: number) => tensor(g, name).slice(t * size, (t + 1) * size);
    let before = tensor(g, 's0');
    for (let t = 0; t < T; t++) {
      const step = derivatives(model, before, part('x', t, D), 1);
      expectClose(`state ${t}`, step.state, part('states', t, 2 * H), tolerance);
      expectClose(
        `local ${t}`,
        step.rows.flatMap((r) => r.byState),
        part('local', t, 4 * H * H),
        tolerance,
      );
      const whole = derivatives(model, tensor(g, 's0'), tensor(g, 'x').slice(0, (t + 1) * D), t + 1);
      const influence = part('influence', t, 2 * H * model.size);
      expectClose(
        `influence ${t}`,
        whole.rows.flatMap((r) => r.byTheta),
        influence,
        tolerance,
      );
      before = part('states', t, 2 * H);
    }
    const along = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    const { rows } = derivatives(model, tensor(g, 's0'), part('x', 0, D), 1);
    const tangent = rows.map(({ byTheta, byState, byInput }) => {
      return (
        along(byTheta, tensor(g, 'tangent.theta')) +
        along(byState, tensor(g, 'tangent.s')) +
        along(byInput, tensor(g, 'tangent.x'))
      );
    });
    expectClose('tangent', tangent, tensor(g, 'tangent'), tolerance);
  });

  test('truncated-bptt: every (k1, k2) agrees', async () => {
    const g = golden('truncated-bptt');
    const sizes = g.config as Record<'inputSize' | 'hiddenSize' | 'outputSize' | 'steps', number>;
    const { inputSize: D, hiddenSize, outputSize: O, steps: T } = sizes;
    const layers = [
      { kind: 'lstm' as const, hiddenSize, bias: 'single' as const },
      { kind: 'linear' as const, size: O },
    ];
    const model = buildModel(k, { inputSize: D, layers });
    const names = { weight_ih: 'lstm.weight_ih_l0', weight_hh: 'lstm.weight_hh_l0', bias: 'lstm.bias_ih_l0' };
    const all = { ...names, head_weight: 'head.weight', head_bias: 'head.bias' };
    for (const [from, name] of Object.entries(all)) model.parameters.set(name, tensor(g, from));
    const cut = (name: string, from: number, to: number, width: number) =>
      tensor(g, name).slice(from * width, to * width);
    for (const [k1, k2] of g.config.pairs as [number, number][]) {
      const sum = model.arena();
      for (let end = k1; end <= T; end += k1) {
        const start = Math.max(0, end - k2);
        const steps = end - start;
        const older = start > 0 ? (await model.predict(cut('x', 0, start, D))).state : null;
        // The loss is a mean over k1 steps and their outputs; the golden file has the sum.
        const { gradients } = await model.gradients(
          {
            steps,
            batchSize: 1,
            inputs: cut('x', start, end, D),
            targets: cut('target', start, end, O),
            weights: Array.from({ length: steps }, (_, t) => (t >= steps - k1 ? 1 : 0)),
          },
          { loss: 'meanSquaredError', from: older },
        );
        k.combine(sum.matrix, 1, sum.matrix, k1 * O, gradients.matrix);
      }
      for (const [from, name] of Object.entries(all)) {
        expectClose(`${from} of (${k1}, ${k2})`, flat(sum.get(name)), tensor(g, `grad.${k1}.${k2}.${from}`), tolerance);
      }
    }
    expect(g.config.pairs).toHaveLength(7);
  });
});
