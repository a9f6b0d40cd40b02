/** Derivatives of a step from both sides, and its closed forms, for models and for custom cells. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { stateJacobian } from '../../src/estimators/algebra/jacobian.js';
import { firstElement, influenceBalancing } from '../../src/estimators/cells/linear.js';
import { dot } from '../../src/estimators/vectors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import {
  cellSystem,
  modelSystem,
  rnnCell,
  type StepData,
  type System,
  squaredErrorReadout,
} from '../../src/lab/index.js';
import { expectClose, golden, tensor } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { make, SPECS, WITH_UNITS } from './support.js';

const random = createRng(3, 'vectors');
const normals = (length: number): Float64Array => Float64Array.from({ length }, () => random.normal());

function rnn(): { system: System; sequence: StepData[] } {
  const [cell, readout] = [rnnCell(2, 4), squaredErrorReadout(4, 3)];
  const theta = normals(cell.parameterCount + readout.parameterCount).map((v) => v / 2);
  const sequence = Array.from({ length: 5 }, () => ({ input: normals(2), target: normals(3) }));
  return { system: cellSystem(cell, readout, theta), sequence };
}

function linear(): { system: System; sequence: StepData[] } {
  const sequence = Array.from({ length: 5 }, () => ({ input: [], target: [1] }));
  return { system: cellSystem(influenceBalancing(5, 2), firstElement, [0.5]), sequence };
}

const SYSTEMS: Readonly<Record<string, () => { system: System; sequence: readonly StepData[] }>> = {
  ...Object.fromEntries(Object.entries(SPECS).map(([name, spec]) => [name, () => make(spec)])),
  'two rows': () => make(SPECS.plain!, { batchSize: 2 }),
  'two rows of a stack': () => make(SPECS.stacked!, { batchSize: 2 }),
  'a layer below': () =>
    make({
      inputSize: 3,
      layers: [
        { kind: 'linear', size: 4 },
        { kind: 'lstm', hiddenSize: 3 },
        { kind: 'linear', size: 2 },
      ],
    }),
  'a plain RNN': rnn,
  'a linear system': linear,
};

/** A step in the middle of the sequence, where the state is not 0. */
function later({ system, sequence }: { system: System; sequence: readonly StepData[] }) {
  let state = system.initial();
  for (const data of sequence.slice(0, 3)) state = system.step(state, data).state;
  return { state, data: sequence[3]! };
}

describe.each(Object.entries(SYSTEMS))('%s', (_name, create) => {
  test("v (J u + F w) = (J'v) u + (F'v) w", () => {
    const made = create();
    const { system } = made;
    const { state, data } = later(made);
    const step = system.step(state, data);
    const [u, v, w] = [normals(state.length), normals(state.length), normals(system.parameters.length)];
    const gradient = new Float64Array(system.parameters.length);
    const back = step.vjp(v, gradient);
    const forth = step.jvp(u, w);
    expect(dot(v, forth)).toBeCloseTo(dot(back, u) + dot(gradient, w), 11);
    expect(dot(v, step.jvp(u, null))).toBeCloseTo(dot(back, u), 11);
  });

  test('both agree with differences of the step itself, and so does the gradient of the loss', () => {
    const made = create();
    const { system } = made;
    const { state, data } = later(made);
    const [u, w] = [normals(state.length), normals(system.parameters.length)];
    const step = system.step(state, data);
    const forth = step.jvp(u, w);
    const direct = new Float64Array(w.length);
    const q = step.lossGradient(direct);
    const slope = dot(q, forth) + dot(direct, w);
    step.release();
    const held = system.parameters.slice();
    const at = (h: number) => {
      for (let p = 0; p < w.length; p++) system.parameters[p] = held[p]! + h * w[p]!;
      system.changed();
      const moved = system.step(
        state.map((s, i) => s + h * u[i]!),
        data,
      );
      const found = { state: moved.state.slice(), loss: moved.loss };
      moved.release();
      return found;
    };
    const h = 1e-5;
    const [plus, minus] = [at(h), at(-h)];
    for (let i = 0; i < state.length; i++) {
      expect(forth[i]!).toBeCloseTo((plus.state[i]! - minus.state[i]!) / (2 * h), 7);
    }
    expect(slope).toBeCloseTo((plus.loss - minus.loss) / (2 * h), 7);
  });
});

test.each([...WITH_UNITS, 'a plain RNN'])('%s: the closed forms of its units are its J and F', (name) => {
  const made = SYSTEMS[name]!();
  const { system } = made;
  const { state, data } = later(made);
  const step = system.step(state, data);
  const { size: n, gates, parts, inputs, byGate, index } = step.units!;
  const S = system.stateSize;
  const J = stateJacobian(step, S);
  for (let r = 0; r < S; r++) {
    const F = new Float64Array(system.parameters.length);
    const row = step.vjp(
      Float64Array.from({ length: S }, (_, i) => (i === r ? 1 : 0)),
      F,
    );
    expectClose(`J, row ${r}`, [...J.subarray(r * S, (r + 1) * S)], [...row], 1e-12);
    const closed = new Float64Array(F.length);
    const j = r % n;
    for (let g = 0; g < gates; g++) {
      for (let k = 0; k < inputs.length; k++)
        closed[index(g, j, k)]! += byGate[Math.floor(r / n)]![g]![j]! * inputs[k]!;
    }
    expectClose(`F, row ${r}`, [...closed], [...F], 1e-12);
  }
  expect(S).toBe(parts * n);
});

test.each(['peepholes', 'projection', 'stacked', 'tokens', 'layerNorm', 'zoneout'])(
  '%s has no closed forms',
  (name) => {
    const { system, sequence } = SYSTEMS[name]!();
    expect(system.step(system.initial(), sequence[0]!).units).toBeNull();
  },
);

test('cell-jacobians: local Jacobians, the influence of the parameters, a tangent', () => {
  const g = golden('cell-jacobians');
  const { inputSize: D, hiddenSize: H, steps: T } = g.config as Record<'inputSize' | 'hiddenSize' | 'steps', number>;
  const spec = { inputSize: D, layers: [{ kind: 'lstm' as const, hiddenSize: H, bias: 'single' as const }] };
  const model = buildModel(createReference('float64'), spec);
  const parts = { weight_ih: 'weight_ih', weight_hh: 'weight_hh', bias_ih: 'bias' };
  for (const [name, from] of Object.entries(parts)) model.parameters.set(`lstm.${name}_l0`, tensor(g, from));
  const system = modelSystem(model);
  const [S, P] = [2 * H, model.size];
  const part = (name: string, t: number, size: number) => tensor(g, name).slice(t * size, (t + 1) * size);
  let state: ArrayLike<number> = tensor(g, 's0');
  let M = Array.from({ length: S }, () => new Float64Array(P));
  for (let t = 0; t < T; t++) {
    const step = system.step(state, { input: part('x', t, D), target: null });
    expectClose(`state ${t}`, [...step.state], part('states', t, S), 1e-10);
    expectClose(`local ${t}`, [...stateJacobian(step, S)], part('local', t, S * S), 1e-10);
    // Column by column of theta: M_t = J M_{t-1} + F.
    const columns = Array.from({ length: P }, (_, p) =>
      step.jvp(
        M.map((row) => row[p]!),
        Float64Array.from({ length: P }, (_, i) => (i === p ? 1 : 0)),
      ),
    );
    M = M.map((_, r) => Float64Array.from(columns, (column) => column[r]!));
    expectClose(
      `influence ${t}`,
      M.flatMap((row) => [...row]),
      part('influence', t, S * P),
      1e-10,
    );
    if (t === 0) {
      // The file moves x as well: by duality, v (dx part) out of the input's gradient is the engine's own affair.
      const moved = step.jvp(tensor(g, 'tangent.s'), tensor(g, 'tangent.theta'));
      const dx = tensor(g, 'tangent.x');
      const Wx = tensor(g, 'weight_ih');
      const u = step.units!;
      const all = Array.from(moved, (v, r) => {
        let sum = v;
        const [part, j] = [Math.floor(r / H), r % H];
        for (let gate = 0; gate < 4; gate++) {
          for (let k = 0; k < D; k++) sum += u.byGate[part]![gate]![j]! * Wx[(gate * H + j) * D + k]! * dx[k]!;
        }
        return sum;
      });
      expectClose('tangent', all, tensor(g, 'tangent'), 1e-10);
    }
    state = step.state;
  }
});
