/** The ranges of the numeric settings of `unspool/lab`. */
import { describe } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import * as lab from '../../src/lab/index.js';
import { aicherCopy } from '../../src/lab/tasks.js';
import { make, SPECS } from '../estimators/support.js';
import { integer, number, type Range, testRanges } from '../support/ranges.js';

const random = createRng(1, 'ranges');
const { model, system, sequence } = make(SPECS.plain!, { steps: 4 });
const BITS_24 = 16777216;
const compare = (options: object) => lab.compare([lab.bptt()], system, sequence, options);
const staleness = (options: object) => lab.staleness(lab.bptt(), system, sequence, { learningRate: 1, ...options });

describe('tasks', () => {
  const steps = (input: number, target: number) => [
    { input: new Array(input).fill(0), target: new Array(target).fill(0) },
  ];
  testRanges([
    ['batchSize', integer(1, 1048576), (n) => lab.stepsToBatch(steps(2, 2), n)],
    ['symbols', integer(2, 65536), (symbols) => lab.copyWidth({ symbols })],
    ['length', integer(1, 65536), (length) => lab.copyTask({ symbols: 2, length }, 1, random)],
    ['lag', integer(0, 1048576), (lag) => lab.copyTask({ symbols: 2, length: 1, lag }, 1, random)],
    ['rows', integer(1, 1048576), (rows) => lab.copyTask({ symbols: 2, length: 1 }, rows, random)],
    ['length', integer(1, 65536), (length) => lab.delayedCopyTask({ symbols: 2, length, every: 2, lag: 1 }, 1, random)],
    ['every', integer(2, 65536), (every) => lab.delayedCopyTask({ symbols: 2, length: 1, every, lag: 1 }, 1, random)],
    ['lag', integer(1, 1048576), (lag) => lab.delayedCopyTask({ symbols: 2, length: 1, every: 2, lag }, 1, random)],
    ['length', integer(2, 65536), (length) => aicherCopy(length, 1, random).next()],
    ['largest', integer(1, 65536), (largest) => lab.countingText(largest, random)],
    ['steps', integer(2, 1048576), (n) => lab.addingTask(n, 1, random)],
    ['batchSize', integer(1, 1048576), (n) => lab.addingTask(4, n, random)],
    ['steps', integer(10, 1048576), (n) => lab.temporalOrderTask(n, 1, random)],
    ['t1', integer(0, 65536), (t1) => lab.delayedAddTask({ t1, t2: 0 }, 1, random)],
    ['t2', integer(0, 65536), (t2) => lab.delayedAddTask({ t1: 0, t2 }, 1, random)],
  ]);
});

describe('analyses', () => {
  testRanges([
    ['draws', integer(1, BITS_24), (draws) => compare({ draws })],
    ['seed', integer(0), (seed) => compare({ seed })],
    ['confidence', number(0, 1), (confidence) => compare({ confidence })],
    ['every', integer(1, BITS_24), (every) => compare({ every })],
    ['learningRate', number(0, Number.MAX_VALUE), (learningRate) => staleness({ learningRate })],
    ['seed', integer(0), (seed) => staleness({ seed })],
    ['every', integer(1, BITS_24), (every) => staleness({ every })],
    ['points', integer(1, BITS_24), (points) => staleness({ points })],
    ['longest', integer(0, 3), (longest) => lab.lagSpectrum(system, sequence, { longest })],
    ['count', integer(1, 2), (count) => lab.lyapunovExponents([[1, 0, 0, 1]], count)],
  ]);
});

describe('estimators', () => {
  const settings: Readonly<Record<string, [valid: object, ranges: Readonly<Record<string, string>>]>> = {
    adaptiveTbptt: [
      { bias: 0.1, max: 9 },
      { bias: number(1e-12, 1), max: integer(1, BITS_24) },
    ],
    artbp: [{ cut: 0.1 }, { cut: number(0, 0.999) }],
    deer: [{}, { tolerance: number(Number.MIN_VALUE, 1) }],
    evolution: [
      { particles: 4, sigma: 0.1 },
      { particles: integer(2, 1048576), sigma: number(Number.MIN_VALUE, 1e6) },
    ],
    hDetach: [{ rate: 0.5 }, { rate: number(0, 1) }],
    ok: [{ rank: 2 }, { rank: integer(1, 65536) }],
    randomizedTelescope: [{ keep: 0.5 }, { keep: number(0.001, 1) }],
    snap: [{ n: 1 }, { n: integer(1, 65536) }],
    syntheticGradients: [{ k: 3 }, { k: integer(1, BITS_24), rate: number(0, 1) }],
    tbptt: [
      { k1: 2, k2: 4 },
      { k1: integer(1, BITS_24), k2: integer(2, BITS_24) },
    ],
    checkpointed: [
      { steps: 4, memory: 0.5 },
      { steps: integer(1, BITS_24), memory: number(0, 1) },
    ],
  };
  const factory = (name: string) => lab.ESTIMATORS[name] as unknown as (settings: object) => unknown;
  testRanges(
    Object.entries(settings).flatMap(([name, [valid, ranges]]) =>
      Object.entries(ranges).map(
        ([key, range]): Range => [key, range, (value) => factory(name)({ ...valid, [key]: value })],
      ),
    ),
  );
  const run = () => lab.bptt().start(system, random);
  testRanges([
    ['slots', integer(0, BITS_24), (slots) => lab.checkpointed({ steps: 4, slots, policy: 'optimal' })],
    ['slots', integer(1, BITS_24), (slots) => lab.checkpointed({ steps: 4, slots, policy: 'revolve' })],
    ['estimator.every', integer(1), (every) => lab.estimatorGradient({ ...lab.bptt(), every })],
    ['every', integer(1), (every) => lab.unroll(system, run(), sequence, { every }, () => {})],
    ['maxIterations', integer(1, BITS_24), (maxIterations) => lab.solveTrajectory(system, sequence, { maxIterations })],
    ['tolerance', number(Number.MIN_VALUE, 1), (tolerance) => lab.solveTrajectory(system, sequence, { tolerance })],
  ]);
});

describe('plans, cells and systems', () => {
  const batch = { steps: 2, batchSize: 1, inputs: [1, 2], targets: [1, 0] };
  testRanges([
    ['steps', integer(1, 1048576), (steps) => lab.optimalPlan(steps, 4)],
    ['budget', integer(0, BITS_24), (budget) => lab.optimalPlan(4, budget)],
    ['entryCost', integer(1, 1024), (entryCost) => lab.optimalPlan(4, 4, { entryCost })],
    ['plan.steps', integer(1, BITS_24), (steps) => lab.planCost({ ...lab.keepAll(3), steps })],
    ['entryCost', integer(1, 1024), (entryCost) => lab.planCost(lab.keepAll(3), entryCost)],
    ['steps', integer(1, BITS_24), (steps) => lab.keepAll(steps)],
    ['steps', integer(1, BITS_24), (steps) => lab.everySegment(steps)],
    ['segment', integer(1, 9), (segment) => lab.everySegment(9, segment)],
    ['inputSize', integer(0, 65536), (n) => lab.rnnCell(n, 2)],
    ['hiddenSize', integer(1, 65536), (n) => lab.rnnCell(2, n)],
    ['stateSize', integer(1, 65536), (n) => lab.squaredErrorReadout(n, 2)],
    ['outputSize', integer(1, 65536), (n) => lab.squaredErrorReadout(2, n)],
    ['steps', integer(1, BITS_24), (steps) => lab.batchToSteps({ ...batch, steps }, 'meanSquaredError')],
    ['batchSize', integer(1, BITS_24), (batchSize) => lab.batchToSteps({ ...batch, batchSize }, 'meanSquaredError')],
    ['batchSize', integer(1, BITS_24), (batchSize) => lab.modelSystem(model, { batchSize })],
    [
      'system.stateSize',
      integer(1, BITS_24),
      (stateSize) => lab.stateJacobians(Object.create(system, { stateSize: { value: stateSize } }), sequence),
    ],
  ]);
});
