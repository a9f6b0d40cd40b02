/** A1: influence balancing. */
import { createRng } from '../../core/rng.js';
import { cellSystem } from '../../estimators/cells/cell.js';
import { firstElement, influenceBalancing } from '../../estimators/cells/linear.js';
import { type GradientEstimator, unroll } from '../../estimators/estimator.js';
import { artbp, tbptt } from '../../estimators/methods/backwards.js';
import { evolution, pes } from '../../estimators/methods/evolution.js';
import { uoro } from '../../estimators/methods/rank-one.js';
import { rtrl } from '../../estimators/methods/rtrl.js';
import type { StepData } from '../../estimators/system.js';
import { PAPERS } from '../papers.js';
import {
  byLabel,
  type Experiment,
  everySeed,
  figure,
  firstCurves,
  NUMPY_NOTE,
  spread,
  type Verdict,
} from './experiment.js';

interface Case {
  readonly make: () => GradientEstimator;
  /** Steps between two updates, with one loss. */
  readonly every: number;
  readonly rate: number;
  readonly updates: number;
  /** The final loss that we measured earlier with NumPy. */
  readonly numpy: string;
  readonly expected: Expected;
}

/** A claim about the final losses of the seeds. */
interface Expected {
  readonly claim: string;
  holds(losses: readonly number[]): boolean;
}

const under = (limit: number): Expected => ({
  claim: `ends below ${figure(limit)}`,
  holds: (losses) => spread(losses).median < limit,
});
const alwaysUnder = (limit: number): Expected => ({
  claim: `ends below ${figure(limit)} with every seed`,
  holds: (losses) => losses.every((loss) => loss < limit),
});
const near = (wanted: number): Expected => ({
  claim: `stays at ${wanted}`,
  holds: (losses) => Math.abs(spread(losses).median / wanted - 1) < 0.05,
});
const diverges: Expected = { claim: 'diverges', holds: (losses) => losses.every((loss) => !(loss < 1e6)) };

const RATE = 1e-4;
/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  RTRL: { make: rtrl, every: 1, rate: RATE, updates: 3000, numpy: '4e-17', expected: under(1e-12) },
  'TBPTT K=1': {
    make: () => tbptt({ k1: 1, k2: 1 }),
    every: 1,
    rate: RATE,
    updates: 3000,
    numpy: '211',
    expected: near(211),
  },
  'TBPTT K=10': {
    make: () => tbptt({ k1: 10, k2: 10 }),
    every: 10,
    rate: RATE,
    updates: 3000,
    numpy: 'diverges',
    expected: diverges,
  },
  'TBPTT K=100': {
    make: () => tbptt({ k1: 100, k2: 100 }),
    every: 100,
    rate: RATE,
    updates: 3000,
    numpy: '3e-9',
    expected: under(1e-6),
  },
  PES: {
    make: () => pes({ particles: 1000, sigma: 0.1 }),
    every: 1,
    rate: RATE,
    updates: 3000,
    numpy: '7e-15',
    expected: under(1e-9),
  },
  ES: {
    make: () => evolution({ particles: 1000, sigma: 0.1 }),
    every: 1,
    rate: RATE,
    updates: 3000,
    numpy: '211',
    expected: near(211),
  },
  'UORO at 1e-4': { make: uoro, every: 1, rate: RATE, updates: 3000, numpy: 'diverges', expected: diverges },
  'UORO at 1e-5': {
    make: uoro,
    every: 1,
    rate: 1e-5,
    updates: 30000,
    numpy: 'below 1e-12 with every seed',
    expected: alwaysUnder(1e-12),
  },
  'ARTBP c=0.01': {
    make: () => artbp({ cut: 0.01 }),
    every: 1,
    rate: RATE,
    updates: 3000,
    numpy: 'median 1e-12',
    expected: under(1e-9),
  },
  'ARTBP c=1/16 at 1e-4': {
    make: () => artbp({ cut: 1 / 16 }),
    every: 1,
    rate: RATE,
    updates: 3000,
    numpy: 'diverges',
    expected: diverges,
  },
  'ARTBP c=1/16 at 1e-5': {
    make: () => artbp({ cut: 1 / 16 }),
    every: 1,
    rate: 1e-5,
    updates: 30000,
    numpy: 'converges',
    expected: under(1e-3),
  },
};

/** A loss above this counts as diverged. */
const DIVERGED = 1e12;

/** The loss of a theta once the states have settled: s[0] -> 2 (10 - 13) theta. */
const settled = (theta: number): number => 0.5 * (-6 * theta - 1) ** 2;

function train({ make, every, rate, updates }: Case, seed: number, progress: (share: number) => void) {
  const system = cellSystem(influenceBalancing(), firstElement, [0.5]);
  const estimator = make();
  const run = estimator.start(system, createRng(seed, `a1 ${estimator.name}`));
  const curve: [number, number][] = [];
  let [update, loss, reached] = [0, Number.NaN, Number.NaN];
  function* forever(): Generator<StepData> {
    for (let t = 1; update < updates && !(loss > DIVERGED); t++)
      yield { input: [], target: t % every === 0 ? [1] : null };
  }
  unroll(system, run, forever(), { every }, (gradient) => {
    update++;
    system.parameters[0]! -= rate * gradient[0]!;
    loss = settled(system.parameters[0]!);
    if (loss < 1e-3 && Number.isNaN(reached)) reached = update;
    if (update % Math.ceil(updates / 300) === 0 || update === 1) {
      curve.push([update, loss]);
      progress(update / updates);
    }
  });
  run.reset();
  return {
    values: { loss: loss > DIVERGED ? Number.POSITIVE_INFINITY : loss, theta: system.parameters[0]!, reached },
    curves: { loss: curve },
  };
}

export const a1: Experiment = {
  id: 'a1',
  title: 'Influence balancing',
  question:
    'One parameter drives 23 units of a linear system, 10 of them up and 13 down. Its short-term effect has the opposite sign of its long-term effect. Which methods find its optimum, -1/6?',
  source: `The task is from Tallec & Ollivier 2017, section 4.1, as defined in persistent_es (Vicol et al. 2021): s <- A s + theta sigma, loss (s[0] - 1)^2 / 2, theta starts at 0.5, SGD at 1e-4, 3000 updates, one loss and one update per unroll. The table shows the loss of theta once the states have settled, (6 theta + 1)^2 / 2. ${NUMPY_NOTE}`,
  papers: [PAPERS.artbp, PAPERS.pes],
  jobs: ({ seeds }) =>
    Object.entries(CASES).flatMap(([label, { make }]) => everySeed(label, make().stochastic ? seeds : 1)),
  run: ({ label, seed }, progress) => train(CASES[label]!, seed, progress),
  report(done) {
    const groups = [...byLabel(done)];
    const verdicts = groups.map(([label, results]): Verdict => {
      const losses = results.map(({ values }) => values.loss!);
      const { median, low, high } = spread(losses);
      const range = losses.length > 1 ? ` (${figure(low)} to ${figure(high)}, ${losses.length} seeds)` : '';
      return {
        claim: `${label} ${CASES[label]!.expected.claim} (our NumPy: ${CASES[label]!.numpy})`,
        found: `${figure(median)}${range}`,
        holds: CASES[label]!.expected.holds(losses),
      };
    });
    return {
      tables: [
        {
          title: 'Loss after the last update',
          columns: ['method', 'learning rate', 'updates', 'our NumPy', 'median', 'min', 'max', 'first under 1e-3'],
          rows: groups.map(([label, results]) => {
            const { median, low, high } = spread(results.map(({ values }) => values.loss!));
            const { numpy, rate, updates } = CASES[label]!;
            const reached = spread(results.map(({ values }) => values.reached!).filter((v) => v > 0)).median;
            return [label, rate, updates, numpy, figure(median), figure(low), figure(high), figure(reached)];
          }),
        },
      ],
      plots: [
        {
          title: 'Loss (first seed of each)',
          x: { label: 'update', log: true },
          y: { label: 'loss', log: true },
          mark: 'line',
          series: firstCurves(groups, 'loss'),
        },
      ],
      verdicts,
    };
  },
};
