/** The cost that each estimator reports: numbers held, and multiply-adds, after four steps and an emission. */
import { expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import * as lab from '../../src/lab/index.js';
import { make, SPECS } from './support.js';

const T = 4;
const { system } = make(SPECS.plain!);
const [P, S] = [system.parameters.length, system.stateSize];
const n = S / 2; // units
const gates = 4 * n;
const d = 3 + n + 1; // what each gate reads: inputs, units, a bias
const width = P - 2 * n - 2; // parameters of the LSTM, without the readout of two outputs

/** The estimator as text, the numbers that it holds, and all its multiply-adds. */
const COSTS: readonly (readonly [estimator: string, floats: number, macs: number])[] = [
  ['bptt', T * 3 * S, T * 2 * P],
  ['tbptt:k1=2,k2=4', T * 3 * S, T * 2 * P],
  ['artbp:cut=0.1', T * 3 * S, T * 2 * P],
  ['hDetach:rate=0.5', T * 3 * S, T * 2 * P],
  ['randomizedTelescope:keep=1', T * 3 * S, (1 + 2 + 3 + 4) * 2 * P], // each loss goes back alone
  ['adaptiveTbptt:bias=0.1,max=10', T * 3 * S + 2 * P, (1 + 2 + 3 + 4) * 2 * P],
  ['checkpointed:steps=4,memory=0.5', 3 * 3 * S, T * 2 * P + P], // one step runs twice
  ['rtrl', 2 * S * P, T * 5 * S * P],
  ['snap:n=1', 2 * width, T * gates * (width / gates) * 8],
  ['rflo', 2 * width, T * gates * (width / gates) * 8],
  ['eprop', 2 * width, T * gates * (width / gates) * 8],
  ['kfRtrl', P + d + 2 * S * gates, T * (S * n * gates + 3 * S * gates + P)],
  ['ok:rank=2', P + 5 * (d + S * gates), T * (2 * (S * n * gates + S * gates + P) + 2 * 9 * (d + S * gates))],
  ['uoro', 3 * P + S, T * 7 * P],
  ['forwardGradient', 2 * P + S, T * 4 * P],
  ['evolution:particles=6,sigma=0.1', 3 * (2 * P + 2 * S), T * 6 * P],
  ['pes:particles=6,sigma=0.1', 3 * (2 * P + 2 * S), T * 6 * P],
  ['syntheticGradients:k=9', S * S + S + T * 3 * S, T * 2 * P + 3 * (S * S + S)],
];

const costOf = (text: string, batchSize = 1) => {
  const { system, sequence } = make(SPECS.plain!, { steps: T, batchSize });
  const run = lab.parseEstimator(text).start(system, createRng(1, 'x'));
  let state: ArrayLike<number> = system.initial();
  for (const data of sequence) {
    const step = system.step(state, data);
    state = step.state;
    run.step(step, data);
  }
  run.emit(new Float64Array(P));
  return { floats: run.cost.floats, macs: run.cost.macs };
};

test.each(COSTS)('%s', (text, floats, macs) => {
  expect(costOf(text)).toEqual({ floats, macs });
});

test.each(['bptt', 'adaptiveTbptt:bias=0.1,max=10', 'checkpointed:steps=4,memory=0.5'])(
  '%s: three sequences side by side',
  (text) => {
    const [one, three] = [costOf(text), costOf(text, 3)];
    const constant = text.startsWith('adaptive') ? 2 * P : 0;
    expect(three).toEqual({ floats: 3 * (one.floats - constant) + constant, macs: 3 * one.macs });
  },
);

test.each([
  ['deer', S], // a Jacobian of S x S
  ['quasiDeer', 2], // only the block of each unit: h and c
] as const)('%s: by its number of iterations', (method, part) => {
  const { system, sequence } = make(SPECS.plain!, { steps: T });
  const { iterations } = lab.solveTrajectory(system, sequence, { method, tolerance: 1e-6 });
  expect(costOf(`${method}:tolerance=1e-6`)).toEqual({
    floats: T * (2 * S + S * part),
    macs: T * (iterations * (P + S * part * part) + 2 * P),
  });
});
