/** A2: memory against time. */
import { Model } from '../../core/model.js';
import { createRng } from '../../core/rng.js';
import { type GradientEstimator, unroll } from '../../estimators/estimator.js';
import { bptt } from '../../estimators/methods/backwards.js';
import { checkpointed } from '../../estimators/methods/checkpointed.js';
import { modelSystem } from '../../estimators/model/system.js';
import { optimalPlan } from '../../estimators/storage/optimal.js';
import { everySegment, keepAll, planCost, type StoragePlan } from '../../estimators/storage/plan.js';
import { selectKernels } from '../../kernels/select.js';
import { PAPERS } from '../papers.js';
import {
  byLabel,
  type Done,
  type Experiment,
  figure,
  type Job,
  NUMPY_NOTE,
  type Plot,
  spread,
  type Verdict,
} from './experiment.js';

/** The plan in the timeline plot: few enough steps to see each. */
const SHOWN = { steps: 60, percent: 10 };

/** The orders of a storage plan over time. */
function timeline(): Plot {
  const { orders } = optimalPlan(SHOWN.steps, (3 * SHOWN.steps * SHOWN.percent) / 100);
  return {
    title: `A storage plan, order by order: ${SHOWN.steps} steps with ${SHOWN.percent} % of the tape`,
    x: { label: 'order' },
    y: { label: 'step' },
    mark: 'dot',
    series: (['Advance', 'Save', 'Tape', 'Backward'] as const).map((kind) => ({
      label: kind,
      points: orders.flatMap((order, at) => (order.kind === kind ? [[at, order.t] as const] : [])),
    })),
  };
}

const STEPS = 1000;
const [INPUTS, UNITS, ROWS] = [16, 64, 8];
const TURNS = 3;

interface A2Job extends Job {
  readonly steps: number;
  readonly units: number;
  readonly rows: number;
  /** How often each method is timed. */
  readonly turns: number;
}

interface Case {
  plan(steps: number): StoragePlan;
  /** Share of the full tape's memory in %, forward steps / T and time, as we computed them earlier with NumPy. */
  readonly numpy: readonly [memory: string, forwards: string, time: string];
}

const optimal = (percent: number) => (steps: number) => optimalPlan(steps, (3 * steps * percent) / 100);

/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  'keep all': { plan: keepAll, numpy: ['100', '1', '1'] },
  'dynamic programming, 10 %': { plan: optimal(10), numpy: ['10', '1.899', '1.30'] },
  'dynamic programming, 5 %': { plan: optimal(5), numpy: ['5', '1.949', '1.32'] },
  'dynamic programming, 3 %': { plan: optimal(3), numpy: ['3', '1.979', '1.33'] },
  'dynamic programming, 2 %': { plan: optimal(2), numpy: ['2', '2.347', '1.45'] },
  'dynamic programming, 1 %': { plan: optimal(1), numpy: ['1', '2.822', '1.61'] },
  'dynamic programming, 0.5 %': { plan: optimal(0.5), numpy: ['0.5', '3.644', '1.88'] },
  'sqrt, k = 17': { plan: (steps) => everySegment(steps, 17), numpy: ['3.6', '1.983', '1.33'] },
  'Revolve, 50 slots': {
    plan: (steps) => optimalPlan(steps, 49, { entries: false }),
    numpy: ['~1.7', '2.948', '1.65'],
  },
};

/** Time and memory of one gradient of an LSTM over the sequence, relative to BPTT in the same process. */
async function measure({ label, turns, ...setup }: A2Job) {
  const { steps } = setup;
  const plan = CASES[label]!.plan(steps);
  const { forwards, peak } = planCost(plan);
  // Interleaved and repeated, so that other load on the machine affects both alike.
  const own: Timed[] = [];
  const full: Timed[] = [];
  for (let turn = 0; turn < turns; turn++) {
    own.push(await timed(checkpointed({ steps, plan }), setup));
    full.push(await timed(bptt(), setup));
  }
  const ratios = own.map(({ ms }, turn) => ms / full[turn]!.ms);
  return {
    values: {
      forwards: forwards / steps,
      peak: peak / (3 * steps),
      ms: spread(own.map(({ ms }) => ms)).median,
      time: spread(ratios).median,
      bytes: own[0]!.bytes,
      memory: own[0]!.bytes / full[0]!.bytes,
      same: own.every(({ gradient }) => gradient.every((v, i) => v === full[0]!.gradient[i])) ? 1 : 0,
    },
  };
}

interface Timed {
  readonly ms: number;
  readonly bytes: number;
  readonly gradient: Float64Array;
}

async function timed(
  estimator: GradientEstimator,
  { seed, steps, units, rows }: Omit<A2Job, 'label' | 'turns'>,
): Promise<Timed> {
  const kernels = await selectKernels({ backend: 'auto' });
  const layers = [
    { kind: 'lstm' as const, hiddenSize: units },
    { kind: 'linear' as const, size: 1 },
  ];
  const model = new Model(kernels, { seed, inputSize: INPUTS, layers });
  const random = createRng(seed, 'a2 data');
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const sequence = Array.from({ length: steps }, () => ({ input: normals(rows * INPUTS), target: normals(rows) }));
  const before = kernels.memory.inUse();
  const system = modelSystem(model, { batchSize: rows });
  const gradient = system.newGradient();
  const run = estimator.start(system, random);
  const once = () => {
    unroll(system, run, sequence, { gradient }, () => {});
    run.reset();
  };
  once(); // allocates the tapes
  const start = performance.now();
  once();
  const ms = performance.now() - start;
  const found = Float64Array.from(gradient);
  const bytes = kernels.memory.inUse() - before;
  system.dispose();
  model.dispose();
  return { ms, bytes, gradient: found };
}

type Groups = readonly (readonly [label: string, results: readonly Done[]])[];

/** Median of one value over the rounds. */
const of = (results: readonly Done[], name: string): number =>
  spread(results.map(({ values }) => values[name]!)).median;

function verdicts(groups: Groups, done: readonly Done[]): Verdict[] {
  const list = groups.map(([label, results]): Verdict => {
    const [, forwards] = CASES[label]!.numpy;
    const found = of(results, 'forwards');
    return {
      claim: `${label}: ${forwards} T forward steps (our NumPy)`,
      found: String(found),
      holds: Math.abs(found - Number(forwards)) < 5e-4,
    };
  });
  const bits = done.every(({ values }) => values.same === 1);
  list.push({
    claim: 'every gradient is bit-identical to that of full BPTT',
    found: bits ? 'all are' : 'some differ',
    holds: bits,
  });
  const five = groups.find(([label]) => label === 'dynamic programming, 5 %');
  if (five) {
    const [time, memory] = [of(five[1], 'time'), of(five[1], 'memory')];
    const found = `${figure(time)} times at ${figure(100 * memory)} % of the bytes`;
    list.push({
      claim: '5 % of the tape takes at most 1.35 times the time, measured',
      found,
      holds: time < 1.35,
    });
  }
  return list;
}

export const a2: Experiment<A2Job> = {
  id: 'a2',
  title: 'Memory against time',
  question: `How many forward steps does backpropagation through ${STEPS} steps need with less memory than the whole tape?`,
  source: `The plans are those of Gruslys et al. 2016, who report 95 % of the memory saved for a third more time, of Griewank & Walther 2000 (Revolve) and of Chen et al. 2016 (sqrt). A tape entry of an LSTM is as large as 3 states. Time is counted as (forward steps / T + 2) / 3, and measured with ${UNITS} units and ${ROWS} sequences relative to BPTT over the same steps. ${NUMPY_NOTE}`,
  papers: [PAPERS.checkpointing, PAPERS.revolve, PAPERS.sublinear],
  jobs: ({ seeds }) =>
    Object.keys(CASES).flatMap((label) =>
      Array.from({ length: seeds }, (_, i) => ({
        ...{ id: `${label}, round ${i + 1}`, label, seed: i + 1 },
        ...{ steps: STEPS, units: UNITS, rows: ROWS, turns: TURNS },
      })),
    ),
  run: measure,
  report(done) {
    const groups = [...byLabel(done)];
    return {
      tables: [
        {
          title: `Backpropagation through ${STEPS} steps`,
          columns: [
            'plan',
            'our NumPy: memory %',
            'our NumPy: forwards / T',
            'our NumPy: time',
            'memory %',
            'forwards / T',
            'time (counted)',
            'time (measured)',
            'bytes (measured)',
            '% of BPTT',
          ],
          rows: groups.map(([label, results]) => {
            const forwards = of(results, 'forwards');
            return [
              label,
              ...CASES[label]!.numpy,
              figure(100 * of(results, 'peak')),
              String(forwards),
              figure((forwards + 2) / 3),
              figure(of(results, 'time')),
              Math.round(of(results, 'bytes')).toLocaleString('en'),
              figure(100 * of(results, 'memory')),
            ];
          }),
        },
      ],
      plots: [
        timeline(),
        {
          title: 'Memory and time',
          x: { label: 'memory, % of the full tape', log: true },
          y: { label: 'time, relative to BPTT' },
          mark: 'dot',
          series: groups.map(([label, results]) => ({
            label,
            points: results.map(({ values }) => [100 * values.peak!, values.time!] as const),
          })),
        },
      ],
      verdicts: verdicts(groups, done),
    };
  },
};
