/** A4: Aicher's copy task, which a window shorter than the memory cannot learn. */
import type { GradientEstimator } from '../../estimators/estimator.js';
import { tbptt } from '../../estimators/methods/backwards.js';
import { adam } from '../../optim/adam.js';
import { PAPERS } from '../papers.js';
import { AICHER_SYMBOLS, aicherBaseline, aicherCopy } from '../tasks.js';
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
  /** Perplexity after 40 x 4000 steps that we measured earlier with NumPy. */
  readonly numpy: string;
}

/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  'K=5, block': { make: () => tbptt({ k1: 5, k2: 5 }), numpy: '1.86' },
  'K=15, block': { make: () => tbptt({ k1: 15, k2: 15 }), numpy: '1.08' },
  'K=15, buffered': { make: () => tbptt({ k1: 15, k2: 29 }), numpy: '1.03' },
};

/** '#' and 10 letters, due 11 steps after they were shown. */
const [LENGTH, UNITS, ROWS, RATE] = [11, 50, 64, 3e-3];
const BASELINE = aicherBaseline(LENGTH);

export interface A4Job extends Job {
  /** Steps of the stream; each step has all sequences. */
  readonly steps: number;
}

async function train({ label, seed, steps }: A4Job, progress: (share: number) => void) {
  const one = await learner(lstmModel(AICHER_SYMBOLS, UNITS, AICHER_SYMBOLS, seed), CASES[label]!.make(), {
    optimizer: adam({ learningRate: RATE }),
    clipNorm: 1,
    seed,
    batchSize: ROWS,
  });
  function* stream() {
    const all = aicherCopy(LENGTH, ROWS, dataOf('a4', seed));
    for (let t = 0; t < steps; t++) yield all.next().value!;
  }
  const each = steps / 40;
  const curve: [number, number][] = [];
  let [seen, sum, counted] = [0, 0, 0];
  for await (const losses of one.along(stream(), steps)) {
    seen += losses.count;
    sum += losses.sum;
    counted += losses.count;
    if (counted < each && seen < steps) continue;
    curve.push([seen, Math.exp(sum / counted)]);
    progress(seen / steps);
    [sum, counted] = [0, 0];
  }
  one.dispose();
  // Over the last tenth: the stream never repeats, so its loss is a test loss.
  const last = curve.filter(([at]) => at > 0.9 * steps).map(([, value]) => Math.log(value));
  return {
    values: { perplexity: Math.exp(last.reduce((a, b) => a + b, 0) / last.length) },
    curves: { perplexity: curve },
  };
}

export const a4: Experiment<A4Job> = {
  id: 'a4',
  title: "Aicher's copy task",
  question:
    'Letters must be repeated 11 steps after they were shown. What does truncated BPTT learn if its window is too short, sometimes long enough, or always long enough?',
  source: `The task is from Aicher et al. 2019: '#' and 10 letters out of 4, then the same as outputs; the perplexity without memory is ${figure(BASELINE)}. LSTM-${UNITS}, ${ROWS} sequences, Adam 3e-3, clipping at 1, the state carried on. With 9 letters, two layers of 50 units and SGD, Aicher et al. report test perplexities of 1.646 (K=5), 1.036 (K=10), 1.039 (K=15) and 1.043 (K=30). ${NUMPY_NOTE} They are of 40 x 4000 steps.`,
  papers: [PAPERS.adaptive],
  jobs: ({ seeds }) => {
    const steps = 160_000; // copying is learned late: after a quarter of them, blocks of 15 are still above 1.6
    return Object.keys(CASES).flatMap((label) =>
      everySeed(label, seeds, `, ${steps} steps`).map((job) => ({ ...job, steps })),
    );
  },
  run: train,
  report(done) {
    const groups = byLabel(done);
    const of = (label: string) => spread(groups.get(label)!.map(({ values }) => values.perplexity!));
    const verdicts: Verdict[] = [];
    const below = (claim: string, label: string, low: number, high: number): void => {
      if (!groups.has(label)) return;
      const { median } = of(label);
      verdicts.push({ claim, found: figure(median), holds: median > low && median < high });
    };
    below('K=5 learns little beyond what needs no memory (our NumPy: 1.86)', 'K=5, block', 1.7, 1.05 * BASELINE);
    below('K=15 in blocks copies (our NumPy: 1.08): below 1.2', 'K=15, block', 1, 1.2);
    below('K=15 buffered copies (our NumPy: 1.03): below 1.1', 'K=15, buffered', 1, 1.1);
    if (groups.has('K=15, block') && groups.has('K=15, buffered')) {
      const [a, b] = [of('K=15, buffered').median, of('K=15, block').median];
      verdicts.push({ claim: 'buffered is better than blocks', found: `${figure(a)}, ${figure(b)}`, holds: a < b });
    }
    return {
      tables: [
        {
          title: 'Perplexity over the last tenth',
          columns: ['method', 'steps', 'our NumPy: 160k', 'median', 'min', 'max', 'seconds'],
          rows: [...groups].map(([label, results]) => {
            const { median, low, high } = of(label);
            const seconds = spread(results.map((one) => one.seconds)).median;
            return [label, results[0]!.job.steps, CASES[label]!.numpy, ...[median, low, high, seconds].map(figure)];
          }),
        },
      ],
      plots: [
        {
          title: 'Perplexity (first seed of each)',
          x: { label: 'steps' },
          y: { label: 'perplexity' },
          mark: 'line',
          series: firstCurves(groups, 'perplexity'),
        },
      ],
      verdicts,
    };
  },
};
