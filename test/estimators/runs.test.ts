/** What all estimators have in common: their flags and defaults, emissions, resets, and the release of steps. */
import { describe, expect, test } from '@jest/globals';
import { createRng, type Rng, restoreRng } from '../../src/core/rng.js';
import { firstElement, influenceBalancing } from '../../src/estimators/cells/linear.js';
import { rowsTaken } from '../../src/estimators/estimator.js';
import * as lab from '../../src/lab/index.js';
import { thrown } from '../support/errors.js';

const T = 6;

/** Unbiased, stochastic, direction, every, and the name, of each estimator from its text. */
const FLAGS: readonly (readonly [
  text: string,
  unbiased: number,
  stochastic: number,
  string,
  number | null,
  string?,
])[] = [
  ['adaptiveTbptt:bias=0.1,max=3', 0, 0, 'backward', 1, 'adaptiveTbptt(bias=0.1, max=3)'],
  ['artbp:cut=0.25', 1, 1, 'backward', null, 'artbp(cut=0.25)'],
  ['bptt', 1, 0, 'backward', null, 'bptt'],
  ['checkpointed:steps=6,memory=0.5', 1, 0, 'backward', null, 'checkpointed(0.5 of the tape)'],
  ['deer', 1, 0, 'backward', null, 'deer(tolerance=1e-10)'],
  ['eprop', 0, 0, 'forward', null, 'eprop'],
  ['evolution', 0, 1, 'forward', null, 'evolution(particles=100, sigma=0.1)'],
  ['forwardGradient', 1, 1, 'forward', null, 'forwardGradient'],
  ['hDetach:rate=0.5', 0, 1, 'backward', null, 'hDetach(rate=0.5)'],
  ['hDetach:rate=0', 1, 0, 'backward', null, 'hDetach(rate=0)'],
  ['hDetach:rate=1', 0, 0, 'backward', null, 'hDetach(rate=1)'],
  ['kfRtrl', 1, 1, 'forward', null, 'kfRtrl'],
  ['ok:rank=2', 1, 1, 'forward', null, 'ok(rank=2)'],
  ['pes', 0, 1, 'forward', null, 'pes(particles=100, sigma=0.1)'],
  ['quasiDeer', 1, 0, 'backward', null, 'quasiDeer(tolerance=1e-10)'],
  ['randomizedTelescope:keep=0.5', 1, 1, 'backward', null, 'randomizedTelescope(keep=0.5)'],
  ['rflo', 0, 1, 'forward', null, 'rflo'],
  ['rtrl', 1, 0, 'forward', null, 'rtrl'],
  ['snap:n=1', 0, 0, 'forward', null, 'snap(n=1)'],
  ['snap:n=2', 0, 0, 'forward', null, 'snap(n=2)'],
  ['syntheticGradients:k=3', 0, 0, 'backward', 3, 'syntheticGradients(k=3, rate=0.1)'],
  ['tbptt:k1=2,k2=4', 0, 0, 'backward', 2, 'tbptt(k1=2, k2=4)'],
  ['uoro', 1, 1, 'forward', null, 'uoro'],
];

test.each(FLAGS)('%s', (text, unbiased, stochastic, direction, every, name) => {
  const one = lab.parseEstimator(text);
  expect(one).toMatchObject({ name, unbiased: unbiased === 1, stochastic: stochastic === 1, direction, every });
  const takesOne = direction === 'forward' || /deer/i.test(text);
  expect(rowsTaken(one, 5)).toBe(takesOne ? 1 : 5);
});

test('the registry: names in order, settings, examples that can be parsed', () => {
  const known = Object.entries(lab.ESTIMATORS).map(([name, { settings, optional, examples, summary }]) => {
    expect(summary.length).toBeGreaterThan(10);
    for (const example of examples)
      expect(lab.parseEstimator(example ? `${name}:${example}` : name).name).toMatch(name);
    return `${name} ${settings} ${optional} ${examples.join(' ')}`.trim();
  });
  expect(known).toEqual([
    ...[
      'adaptiveTbptt bias,max',
      'artbp cut',
      'bptt',
      'checkpointed steps,memory',
      'deer tolerance tolerance',
      'eprop',
    ],
    ...['evolution particles,sigma particles,sigma', 'forwardGradient', 'hDetach rate  rate=0.5', 'kfRtrl', 'ok rank'],
    ...['pes particles,sigma particles,sigma', 'quasiDeer tolerance tolerance', 'randomizedTelescope keep', 'rflo'],
    ...['rtrl', 'snap n  n=1', 'syntheticGradients k,rate rate k=8', 'tbptt k1,k2  k1=4,k2=8 k1=1,k2=1', 'uoro'],
  ]);
  for (const [text, message] of [
    ['tbptt:k1=1', 'estimator tbptt needs k2. Write tbptt:k1=NUMBER,k2=NUMBER.'],
    ['tbptt', 'estimator tbptt needs k1 and k2.'],
    ['bptt:k=1', 'estimator bptt: unknown or invalid setting "k=1". bptt has no settings.'],
    ['tbptt:k1=,k2=2', 'unknown or invalid setting "k1=".'],
    ['tbptt:k1=one,k2=2', 'unknown or invalid setting "k1=one".'],
  ] as const) {
    expect(thrown(() => lab.parseEstimator(text)).message.replace('estimator tbptt: ', 'estimator tbptt ')).toContain(
      message.replace('estimator tbptt: ', 'estimator tbptt '),
    );
  }
});

/** A plain RNN that counts the steps it has run and those that were released. */
function counting() {
  const [cell, readout] = [lab.rnnCell(2, 3), lab.squaredErrorReadout(3, 2)];
  const random = createRng(2, 'weights');
  const theta = Float64Array.from({ length: cell.parameterCount + readout.parameterCount }, () => random.normal() / 2);
  const system = lab.cellSystem(cell, readout, theta);
  const counts = { made: 0, released: 0 };
  const step: lab.System['step'] = (state, data) => {
    counts.made++;
    const own = system.step(state, data);
    const [jvp, vjp] = [own.jvp.bind(own), own.vjp.bind(own)];
    return { ...own, jvp, vjp, units: own.units, release: () => counts.released++ };
  };
  return { system: { ...system, step }, counts, P: theta.length };
}
const sequence: readonly lab.StepData[] = Array.from({ length: T }, (_, t) => ({
  input: [Math.sin(t + 1), Math.cos(2 * t)],
  target: t === 2 ? null : [0.5, -t],
}));

/** RFLO needs the outputs of a model, and keeps what it has drawn. */
const RUNS = FLAGS.map(([text]) => text).filter((text) => text !== 'rflo');
const small = (text: string) => (text === 'pes' || text === 'evolution' ? `${text}:particles=4,sigma=0.1` : text);

describe.each(RUNS)('%s', (text) => {
  const estimator = lab.parseEstimator(small(text));
  const feed = (run: lab.EstimatorRun, system: lab.System, steps: readonly lab.StepData[]) => {
    let state: ArrayLike<number> = system.initial();
    for (const data of steps) {
      const step = system.step(state, data);
      state = step.state;
      run.step(step, data);
    }
  };
  const emitted = (run: lab.EstimatorRun, into: Float64Array): Float64Array => {
    run.emit(into);
    return into;
  };

  test('a reset in the middle is a fresh start, and releases all steps', () => {
    const { system, counts, P } = counting();
    const random = createRng(7, 'run');
    const run = estimator.start(system, random);
    const frozen = text.startsWith('synthetic'); // its prediction is kept
    if (!text.startsWith('checkpointed')) {
      feed(run, system, sequence.slice(0, 4));
      if (!frozen) run.emit(new Float64Array(P));
    }
    feed(run, system, text.startsWith('checkpointed') ? sequence.slice(0, 4) : []);
    const known = random.state();
    run.reset();
    expect(counts.released).toBe(counts.made);
    feed(run, system, sequence);
    const again = emitted(run, new Float64Array(P));
    run.reset();
    expect(counts.released).toBe(counts.made);
    const fresh = estimator.start(system, restoreRng(known));
    feed(fresh, system, sequence);
    expect(again).toEqual(emitted(fresh, new Float64Array(P)));
    expect(again.some((v) => v !== 0)).toBe(true);
  });

  test('an emission adds to the gradient, and a second one without steps between adds nothing', () => {
    const { system, P } = counting();
    const start = (random: Rng): lab.EstimatorRun => estimator.start(system, random);
    const [one, other] = [start(createRng(7, 'run')), start(createRng(7, 'run'))];
    feed(one, system, sequence);
    feed(other, system, sequence);
    const alone = emitted(one, new Float64Array(P));
    const added = emitted(other, new Float64Array(P).fill(1));
    for (let p = 0; p < P; p++) expect(added[p]).toBeCloseTo(1 + alone[p]!, 10);
    expect(emitted(one, new Float64Array(P).fill(2))).toEqual(new Float64Array(P).fill(2));
  });
});

test('windows of unroll: their range and losses; what is not a run or a receiver is refused', () => {
  const { system } = counting();
  const run = () => lab.bptt().start(system, createRng(1, 'x'));
  const windows: { from: number; to: number; loss: number }[] = [];
  const { loss, state } = lab.unroll(system, run(), sequence, { every: 4 }, (_, window) => windows.push({ ...window }));
  const losses: number[] = [];
  let now: ArrayLike<number> = system.initial();
  for (const data of sequence) {
    const step = system.step(now, data);
    losses.push(step.loss);
    now = step.state;
  }
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  expect(windows).toEqual([
    { from: 0, to: 4, loss: expect.closeTo(sum(losses.slice(0, 4)), 12) },
    { from: 4, to: 6, loss: expect.closeTo(sum(losses.slice(4)), 12) },
  ]);
  expect([loss, losses[2]]).toEqual([expect.closeTo(sum(losses), 12), 0]);
  expect([...state]).toEqual([...(now as Float64Array)]);
  const gradient = new Float64Array(system.parameters.length);
  lab.unroll(system, run(), sequence, { gradient }, (emitted) => expect(emitted).toBe(gradient));
  const none = (): void => {};
  expect(thrown(() => lab.unroll(system, 5 as never, sequence, {}, none)).message).toMatch(/^run must be what/);
  for (const name of ['step', 'emit']) {
    const wrong = { ...run(), step: none, emit: none, [name]: 3 } as never;
    expect(thrown(() => lab.unroll(system, wrong, sequence, {}, none)).message).toMatch(
      `run.${name} must be a function`,
    );
  }
  for (const [key, value] of Object.entries({ name: 5, start: 3, direction: 'up', every: 0 })) {
    const wrong = { ...lab.bptt(), [key]: value } as never;
    expect(thrown(() => lab.estimatorGradient(wrong)).message).toMatch(`estimator.${key} `);
  }
});

test('influence balancing: A s + theta sigma, from ones; the readout is half a squared error', () => {
  const cell = influenceBalancing(3, 1);
  expect([...cell.initial!()]).toEqual([1, 1, 1]);
  expect([...cell.forward(Float64Array.of(0.5), [1, 2, 4], [])]).toEqual([2, 2.5, 1.5]);
  const whole = influenceBalancing();
  expect([whole.stateSize, whole.parameterCount]).toEqual([23, 1]);
  expect([...whole.forward(Float64Array.of(1), new Float64Array(23), [])].reduce((a, b) => a + b)).toBe(10 - 13);
  expect(firstElement.loss(new Float64Array(0), [3, 9], [1])).toBe(2);
  expect([...firstElement.gradient(new Float64Array(0), [3, 9], [1], null)]).toEqual([2, 0]);
});

describe('a cell and a readout', () => {
  const [cell, readout] = [lab.rnnCell(1, 2), lab.squaredErrorReadout(2, 1)];
  const data = { input: [1], target: [1] };
  test('their parameters by block, also with names and without any', () => {
    const blocks = (...parts: [object, object]) =>
      lab.cellSystem({ ...cell, ...parts[0] }, { ...readout, ...parts[1] }).blocks;
    expect(blocks({}, {})).toEqual([
      { name: 'cell', ranges: [[0, 8]] },
      { name: 'readout', ranges: [[8, 11]] },
    ]);
    const named = (name: string) => ({
      blocks: [
        {
          name,
          ranges: [
            [0, 1],
            [2, 3],
          ],
        },
      ],
    });
    expect(blocks(named('a'), named('b'))).toEqual([
      {
        name: 'a',
        ranges: [
          [0, 1],
          [2, 3],
        ],
      },
      {
        name: 'b',
        ranges: [
          [8, 9],
          [10, 11],
        ],
      },
    ]);
    expect(lab.cellSystem(influenceBalancing(), firstElement).blocks).toEqual([{ name: 'cell', ranges: [[0, 1]] }]);
  });

  test('a step without a target has no loss and no gradient', () => {
    const system = lab.cellSystem(cell, readout);
    expect([...system.initial()]).toEqual([0, 0]);
    const step = system.step([0.1, 0.2], { ...data, target: null });
    expect([step.loss, [...step.lossGradient(null)], step.before]).toEqual([0, [0, 0], Float64Array.of(0.1, 0.2)]);
    expect(lab.cellSystem(influenceBalancing(), firstElement).step(new Float64Array(23), data).units).toBeNull();
  });

  test.each<[string, () => unknown]>([
    ['cell must be an object', () => lab.cellSystem(5 as never, readout)],
    ['cell.forward must be a function', () => lab.cellSystem({ ...cell, forward: 1 } as never, readout)],
    ['cell.vjp must be a function', () => lab.cellSystem({ ...cell, vjp: 1 } as never, readout)],
    ['cell.jvp must be a function', () => lab.cellSystem({ ...cell, jvp: 1 } as never, readout)],
    ['cell.stateSize must be an integer from 1 to 16777216', () => lab.cellSystem({ ...cell, stateSize: 0 }, readout)],
    ['cell.parameterCount must be an integer from 0', () => lab.cellSystem({ ...cell, parameterCount: -1 }, readout)],
    ['readout.loss must be a function', () => lab.cellSystem(cell, { ...readout, loss: 1 } as never)],
    ['readout.gradient must be a function', () => lab.cellSystem(cell, { ...readout, gradient: 1 } as never)],
    ['readout.parameterCount must be', () => lab.cellSystem(cell, { ...readout, parameterCount: 0.5 })],
    ['theta must have shape [11], got [1]', () => lab.cellSystem(cell, readout, [1])],
    ['theta[0] must be a finite number', () => lab.cellSystem(cell, readout, new Array(11).fill(Number.NaN))],
    ['state must have shape [2], got [1]', () => lab.cellSystem(cell, readout).step([1], data)],
    ['input[0] must be a finite', () => lab.cellSystem(cell, readout).step([0, 0], { ...data, input: [Number.NaN] })],
    ['target[0] must be a finite', () => lab.cellSystem(cell, readout).step([0, 0], { ...data, target: [Number.NaN] })],
    [
      'cell.forward() must be a Float32Array',
      () => lab.cellSystem({ ...cell, forward: () => [1, 2] as never }, readout).step([0, 0], data),
    ],
    [
      'cell.forward() must have shape [2]',
      () => lab.cellSystem({ ...cell, forward: () => new Float64Array(3) }, readout).step([0, 0], data),
    ],
    ['v must have shape [2]', () => lab.cellSystem(cell, readout).step([0, 0], data).vjp([1], null)],
    [
      'gradient must have shape [11]',
      () => lab.cellSystem(cell, readout).step([0, 0], data).vjp([1, 1], new Float64Array(3)),
    ],
    [
      'gradient must have shape [11]',
      () => lab.cellSystem(cell, readout).step([0, 0], data).lossGradient(new Float64Array(3)),
    ],
    ['u must have shape [2]', () => lab.cellSystem(cell, readout).step([0, 0], data).jvp([1], null)],
    ['w must have shape [11]', () => lab.cellSystem(cell, readout).step([0, 0], data).jvp([1, 1], [1])],
  ])('%s', (message, act) => {
    expect(thrown(act).message).toContain(message);
  });

  test('a system checks what a cell does not', () => {
    const step = lab.cellSystem(influenceBalancing(3, 1), firstElement).step([1, 2, 3], data);
    const acts: [string, () => unknown][] = [
      ['v must have shape [3]', () => step.vjp([1], null)],
      ['gradient must have shape [1]', () => step.vjp([1, 1, 1], new Float64Array(2))],
      ['gradient must have shape [1]', () => step.lossGradient(new Float64Array(2))],
      ['u must have shape [3]', () => step.jvp([1], null)],
      ['w must have shape [1]', () => step.jvp([1, 1, 1], [1, 2])],
    ];
    for (const [message, act] of acts) expect(thrown(act).message).toContain(message);
    expect([...step.jvp([2, 4, 6], [3])]).toEqual([3 + 3, 5 - 3, 3 - 3]);
    const gradient = new Float64Array(1);
    expect([[...step.vjp([2, 4, 6], gradient)], gradient[0]]).toEqual([[1, 3, 5], 2 - 4 - 6]);
  });

  const at = { theta: new Float64Array(8), state: [0, 0], input: [1], next: new Float64Array(2) };
  test.each<[string, () => unknown]>([
    ['at must be a point of the cell', () => cell.vjp(null as never, [1, 1], null)],
    ['theta must be a Float32Array', () => cell.vjp({ ...at, theta: [1] as never }, [1, 1], null)],
    ['theta must have shape [8]', () => cell.vjp({ ...at, theta: new Float64Array(7) }, [1, 1], null)],
    ['state must have shape [2]', () => cell.jvp({ ...at, state: [1] }, [1, 1], null)],
    ['next must have shape [2]', () => cell.jvp({ ...at, next: new Float64Array(1) }, [1, 1], null)],
    ['input must have shape [1]', () => cell.units!({ ...at, input: [] })],
    ['input must have shape [1]', () => cell.forward(at.theta, [0, 0], [1, 2])],
    ['v must have shape [2]', () => cell.vjp(at, [1], null)],
    ['gradient must have shape [8]', () => cell.vjp(at, [1, 1], new Float64Array(7))],
    ['u must have shape [2]', () => cell.jvp(at, [1], null)],
    ['w must have shape [8]', () => cell.jvp(at, [1, 1], [1])],
    ['theta must have shape [3]', () => readout.loss(new Float64Array(2), [1, 1], [1])],
    ['theta must be a Float32Array', () => readout.loss([1, 2, 3] as never, [1, 1], [1])],
    ['state must have shape [2]', () => readout.loss(new Float64Array(3), [1], [1])],
    ['target must have shape [1]', () => readout.loss(new Float64Array(3), [1, 1], [1, 1])],
    ['gradient must have shape [3]', () => readout.gradient(new Float64Array(3), [1, 1], [1], new Float64Array(1))],
    ['state must have shape [2]', () => readout.gradient(new Float64Array(3), [1], [1], null)],
  ])('alone: %s', (message, act) => {
    expect(thrown(act).message).toContain(message);
  });
});
