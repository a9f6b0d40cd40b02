/** A6: copying more and more bits. */
import { createRng } from '../../core/rng.js';
import type { GradientEstimator } from '../../estimators/estimator.js';
import { bptt, tbptt } from '../../estimators/methods/backwards.js';
import { eprop, snap } from '../../estimators/methods/local.js';
import { uoro } from '../../estimators/methods/rank-one.js';
import { bitsPerCharacter } from '../../metrics/classification.js';
import { adam } from '../../optim/adam.js';
import { PAPERS } from '../papers.js';
import { copyTask, copyWidth } from '../tasks.js';
import {
  byLabel,
  type Experiment,
  everySeed,
  figure,
  firstCurves,
  type Job,
  NUMPY_NOTE,
  spread,
  type Verdict,
} from './experiment.js';
import { dataOf, learner, lstmModel } from './learn.js';

interface Case {
  readonly make: () => GradientEstimator;
  /** L after 10k minibatches that we measured earlier with NumPy, two seeds. */
  readonly numpy: string;
}

/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  BPTT: { make: bptt, numpy: '17, 18' },
  'SnAp-1': { make: () => snap({ n: 1 }), numpy: '10, 12' },
  'e-prop': { make: eprop, numpy: '9, 11' },
  'TBPTT(1,5)': { make: () => tbptt({ k1: 1, k2: 5 }), numpy: '10, 9' },
  UORO: { make: uoro, numpy: '7, 7' },
  'TBPTT(1,1)': { make: () => tbptt({ k1: 1, k2: 1 }), numpy: '4, 5' },
};

const [UNITS, ROWS, RATE, ENOUGH] = [32, 16, 3e-3, 0.15];
/** How often the gradient is compared with the exact one. */
const COMPARISONS = 40;
/** Decay of the running mean of the bits. */
const DECAY = 0.95;

export interface A6Job extends Job {
  readonly batches: number;
}

async function train({ label, seed, batches }: A6Job, progress: (share: number) => void) {
  const width = copyWidth({ symbols: 2 });
  const one = await learner(lstmModel(width, UNITS, 2, seed), CASES[label]!.make(), {
    optimizer: adam({ learningRate: RATE }),
    clipNorm: 1,
    seed,
    batchSize: ROWS,
  });
  const random = dataOf('a6', seed);
  const curve: [number, number][] = [[0, 1]];
  const alignment: [number, number][] = [];
  const compared = createRng(seed, 'a6 alignment');
  let [length, mean, batch] = [1, 1, 0];
  const next = () => copyTask({ symbols: 2, length }, ROWS, random);
  for await (const { sum, count } of one.batches(batches, next)) {
    batch++;
    mean = DECAY * mean + (1 - DECAY) * bitsPerCharacter(sum / count);
    if (mean < ENOUGH) {
      length++;
      mean = 1; // a guess at the new length
      curve.push([batch, length]);
    }
    if (batch % Math.max(1, Math.floor(batches / COMPARISONS)) === 0) {
      alignment.push([batch, one.alignment(copyTask({ symbols: 2, length }, ROWS, compared))]);
    }
    if (batch % 10 === 0) progress(batch / batches);
  }
  one.dispose();
  curve.push([batches, length]);
  return { values: { length, bits: mean }, curves: { length: curve, alignment } };
}

export const a6: Experiment<A6Job> = {
  id: 'a6',
  title: 'Copying more and more bits',
  question:
    'L bits are shown and must be repeated. L grows by one whenever they cost less than .15 bits each. How far does each method get?',
  source: `The task is from Menick et al. 2020. LSTM-${UNITS}, ${ROWS} sequences, Adam 3e-3, clipping at 1, an update per minibatch; the bits are a running mean (decay ${DECAY}) that starts at 1 for each L. ${NUMPY_NOTE} They are of 10k minibatches and two seeds. Shorter runs reach a smaller L.`,
  papers: [PAPERS.snap],
  jobs: ({ seeds, full }) => {
    const batches = full ? 10_000 : 1500;
    return Object.keys(CASES).flatMap((label) =>
      everySeed(label, seeds, `, ${batches} minibatches`).map((job) => ({ ...job, batches })),
    );
  },
  run: train,
  report(done) {
    const groups = byLabel(done);
    return {
      tables: [
        {
          title: 'Bits copied',
          columns: ['method', 'minibatches', 'our NumPy: L at 10k', 'L', 'loss per bit at that L', 'seconds'],
          rows: [...groups].map(([label, results]) => [
            label,
            results[0]!.job.batches,
            CASES[label]!.numpy,
            results.map(({ values }) => values.length!).join(', '),
            figure(spread(results.map(({ values }) => values.bits!)).median),
            figure(spread(results.map(({ seconds }) => seconds)).median),
          ]),
        },
      ],
      plots: [
        {
          title: 'L (first seed of each)',
          x: { label: 'minibatches' },
          y: { label: 'L' },
          mark: 'line',
          series: firstCurves(groups, 'length'),
        },
        {
          title: 'Cosine of the gradient with the exact one during training (first seed of each)',
          x: { label: 'minibatches' },
          y: { label: 'cosine' },
          mark: 'line',
          series: firstCurves(groups, 'alignment'),
        },
      ],
      verdicts: verdicts(groups),
    };
  },
};

function verdicts(groups: ReturnType<typeof byLabel>): Verdict[] {
  const list: Verdict[] = [];
  const further = (better: string, worse: string): void => {
    if (!groups.has(better) || !groups.has(worse)) return;
    const [a, b] = [better, worse].map(
      (label) => spread(groups.get(label)!.map(({ values }) => values.length!)).median,
    ) as [number, number];
    list.push({ claim: `${better} gets further than ${worse}`, found: `${a}, ${b}`, holds: a > b });
  };
  for (const label of Object.keys(CASES).slice(1)) further('BPTT', label);
  further('SnAp-1', 'UORO');
  further('SnAp-1', 'TBPTT(1,1)');
  return list;
}
