/** Copying over a lag, which full BPTT learns and truncated BPTT cannot. */
import type { FloatArray } from '../../contract/kernels.js';
import { variantsFor } from '../../core/build.js';
import type { Arena } from '../../core/memory/parameters.js';
import { hostNumbers } from '../../core/memory/views.js';
import { type Batch, Model } from '../../core/model.js';
import type { ModelSpec } from '../../core/spec.js';
import type { Tape } from '../../core/tape.js';
import { selectKernels } from '../../kernels/select.js';
import { adam } from '../../optim/adam.js';
import { evaluate } from '../../train/evaluate.js';
import type { GradientFunction } from '../../train/options.js';
import { TapeCache } from '../../train/tape-cache.js';
import { fit } from '../../train/trainer.js';
import { PAPERS } from '../papers.js';
import { copyWidth, delayedCopyTask, stepsToBatch } from '../tasks.js';
import {
  byLabel,
  type Experiment,
  everySeed,
  figure,
  firstCurves,
  type Job,
  spread,
  type Verdict,
} from './experiment.js';
import { dataOf } from './learn.js';

interface Case {
  /** Steps of a window; null for the whole sequence. */
  readonly window: number | null;
  /** Whether the lag grows from a short one, instead of starting at its full length. */
  readonly grows: boolean;
}

/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  BPTT: { window: null, grows: true },
  'TBPTT(10)': { window: 10, grows: true },
  'TBPTT(10), full lag': { window: 10, grows: false },
};

const [SYMBOLS, LENGTH, EVERY, UNITS, ROWS, RATE, FORGET_BIAS] = [2, 8, 17, 64, 32, 0.01, 5];
const FULL_LAG = 100;
/** The lag starts at 5 and grows by half whenever 95 % are right. Soon it exceeds a window of 10. */
const [FIRST_LAG, GROWTH, GROWS_AT] = [5, 1.5, 0.95];
/** Decay of the running mean of the accuracy, and where training ends. */
const [DECAY, DONE_AT] = [0.95, 0.995];
const TEST_BATCHES = 16;

export interface CopyJob extends Job {
  readonly lag: number;
  readonly updates: number;
}

const spec = (seed: number): ModelSpec => ({
  seed,
  inputSize: copyWidth({ symbols: SYMBOLS }),
  layers: [
    {
      kind: 'lstm',
      hiddenSize: UNITS,
      bias: 'single',
      init: { recurrent: 'orthogonal', forgetBias: FORGET_BIAS },
    },
    { kind: 'linear', size: SYMBOLS },
  ],
});

/** Counts the letters of a batch whose output is right. */
type Count = (right: number) => void;

/**
 * The gradient of a batch's mean loss by BPTT within windows of `window` steps, the state carried from one to the next; null
 * takes the whole batch as one window.
 */
class WindowedGradient {
  private readonly model: Model;
  private readonly window: number | null;
  private readonly count: Count;
  private readonly tapes: TapeCache;
  private readonly part: Arena;

  constructor(model: Model, window: number | null, count: Count) {
    this.model = model;
    this.window = window;
    this.count = count;
    this.tapes = new TapeCache(model, { inputGradient: false });
    this.part = model.arena();
  }

  /** For `fit`. */
  readonly gradient: GradientFunction = async (model, batch, { gradients }) => {
    const sum = hostNumbers(model.kernels, gradients.matrix);
    sum.fill(0);
    let from: Carried = null;
    let [loss, right] = [0, 0];
    const window = this.window ?? batch.steps;
    for (let at = 0; at < batch.steps; at += window) {
      const piece = piecesOf(batch, at, Math.min(window, batch.steps - at));
      const found = await this.ofWindow(piece, from, sum);
      loss += found.loss;
      right += found.right;
      from = at + window < batch.steps ? await found.tape.downloadStates() : null;
    }
    this.count(right);
    return { loss };
  };

  /** Adds the gradient of one window's losses, as their share of the batch's mean. */
  private async ofWindow(batch: Batch, from: Carried, sum: FloatArray) {
    const { model, part } = this;
    const tape = this.tapes.take(batch);
    const share = ofLetters(batch) / (LENGTH * ROWS);
    let loss = 0;
    if (share > 0) {
      loss = share * (await model.gradients(batch, { tape, from, gradients: part })).loss;
      const numbers = hostNumbers(model.kernels, part.matrix);
      for (let p = 0; p < sum.length; p++) sum[p]! += share * numbers[p]!;
    } else {
      tape.begin(from);
      tape.forward(model.parameters, batch.inputs);
    }
    return { tape, loss, right: rightOf(tape.output.data.array, batch) };
  }

  dispose(): void {
    this.tapes.free();
    this.part.free();
  }
}

type Carried = Awaited<ReturnType<Tape['downloadStates']>> | null;

/** Steps [at, at + steps) of a batch. */
function piecesOf({ batchSize, inputs, targets, weights }: Batch, at: number, steps: number): Batch {
  const cut = (values: ArrayLike<number>, width: number): ArrayLike<number> =>
    (values as Float32Array).subarray(at * batchSize * width, (at + steps) * batchSize * width);
  const width = copyWidth({ symbols: SYMBOLS });
  return { steps, batchSize, inputs: cut(inputs, width), targets: cut(targets, 1), weights: cut(weights!, 1) };
}

/** Targets that count. */
const ofLetters = ({ weights }: Batch): number => Array.from(weights!).filter((weight) => weight > 0).length;

/** How many of the letters that count have the largest output. */
function rightOf(output: ArrayLike<number>, { targets, weights }: Batch): number {
  let right = 0;
  for (let r = 0; r < targets.length; r++) {
    if (weights![r] === 0) continue;
    let best = 0;
    for (let s = 1; s < SYMBOLS; s++) if (output[r * SYMBOLS + s]! > output[r * SYMBOLS + best]!) best = s;
    if (best === targets[r]) right++;
  }
  return right;
}

/** The lag after one at which enough letters are right. */
export const longerLag = (lag: number, wanted: number): number => Math.min(wanted, Math.ceil(lag * GROWTH));

/** The next lag at which no letter is shown while another one is due. */
const withoutOverlap = (lag: number): number => (lag % EVERY === 0 ? lag + 1 : lag);

async function train({ label, seed, lag: wanted, updates }: CopyJob, progress: (share: number) => void) {
  const { window, grows } = CASES[label]!;
  const kernels = await selectKernels();
  const model = new Model(kernels, spec(seed), false, await variantsFor(kernels, spec(seed)));
  const random = dataOf('copy', seed);
  const curves = { recall: [] as [number, number][], lag: [] as [number, number][] };
  let [lag, mean, update] = [grows ? Math.min(FIRST_LAG, wanted) : wanted, 1 / SYMBOLS, 0];
  const batch = (): Batch =>
    stepsToBatch(
      delayedCopyTask({ symbols: SYMBOLS, length: LENGTH, every: EVERY, lag: withoutOverlap(lag) }, ROWS, random),
      ROWS,
    );
  const windowed = new WindowedGradient(model, window, (right) => {
    mean = DECAY * mean + (1 - DECAY) * (right / (LENGTH * ROWS));
  });
  const source = { stateful: false, length: updates, batch };
  const optimizer = adam({ learningRate: RATE });
  const training = fit(model, { train: source }, { optimizer, clipNorm: 1, gradient: windowed.gradient });
  for await (const event of training) {
    if (event.kind !== 'update') continue;
    update++;
    if (lag < wanted && mean > GROWS_AT) {
      lag = longerLag(lag, wanted);
      mean = 1 / SYMBOLS;
    }
    if (update % 10 === 0) {
      curves.recall.push([update, mean]);
      curves.lag.push([update, lag]);
      progress(update / updates);
    }
    if (lag === wanted && mean > DONE_AT) break;
  }
  training.dispose();
  windowed.dispose();
  const reached = lag;
  lag = wanted;
  let recall = 0;
  await evaluate(model, { stateful: false, length: TEST_BATCHES, batch }, 'crossEntropy', (output, tested) => {
    recall += rightOf(output, tested) / (LENGTH * ROWS) / TEST_BATCHES;
  });
  model.dispose();
  return { values: { recall, lag: reached, mean, updates: update }, curves };
}

export const copyOverLag: Experiment<CopyJob> = {
  id: 'copy',
  title: 'Copying over a lag',
  question:
    'Letters arrive one by one over 220 steps, and each must be repeated 100 steps later. Full BPTT learns this in minutes. Does BPTT truncated every 10 steps learn it, with the state carried on?',
  source: `A delay line: ${LENGTH} letters out of ${SYMBOLS}, one every ${EVERY} steps, each due at a signal exactly ${FULL_LAG} steps after it was shown: ${(LENGTH - 1) * EVERY + FULL_LAG + 1} steps (a variant of the copy task of Arjovsky et al. 2016, with the letters spaced out). LSTM-${UNITS}, recurrent weights orthogonal, forget bias ${FORGET_BIAS}, ${ROWS} sequences, Adam ${RATE}, clipping at 1, loss only where a letter is due, an update per batch; the lag starts at ${FIRST_LAG} and grows by half at ${100 * GROWS_AT} % right. Recall is measured on new sequences at the full lag.`,
  papers: [PAPERS.copy],
  jobs: ({ seeds, full }) =>
    Object.keys(CASES).flatMap((label) => {
      const [lag, updates] = [FULL_LAG, full ? 10_000 : 4000];
      return everySeed(label, seeds, `, ${updates} updates`).map((job) => ({ ...job, lag, updates }));
    }),
  run: train,
  report(done) {
    const groups = byLabel(done);
    const verdicts: Verdict[] = [...groups].map(([label, results]) => {
      const recalls = results.map(({ values }) => values.recall!);
      const found = recalls.map((v) => `${figure(100 * v)} %`).join(', ');
      return label === 'BPTT'
        ? { claim: 'BPTT recalls 99 % for every seed', found, holds: recalls.every((v) => v >= 0.99) }
        : {
            claim: `${label} recalls at most 10 % more than a guess for every seed`,
            found,
            holds: recalls.every((v) => v < 1 / SYMBOLS + 0.1),
          };
    });
    const plot = (name: 'recall' | 'lag', title: string) => ({
      title: `${title} (first seed of each)`,
      x: { label: 'updates' },
      y: { label: name },
      mark: 'line' as const,
      series: firstCurves(groups, name),
    });
    return {
      tables: [
        {
          title: `Recall at the full lag: a guess is right in ${figure(100 / SYMBOLS)} %`,
          columns: ['method', 'median %', 'min', 'max', 'lag reached', 'updates', 'seconds'],
          rows: [...groups].map(([label, results]) => {
            const of = (name: string) => spread(results.map(({ values }) => values[name]!));
            const { median, low, high } = of('recall');
            const seconds = spread(results.map((one) => one.seconds)).median;
            return [
              label,
              ...[median, low, high].map((v) => figure(100 * v)),
              of('lag').median,
              of('updates').median,
              figure(seconds),
            ];
          }),
        },
      ],
      plots: [plot('recall', 'Running mean of the recall, at the current lag'), plot('lag', 'Lag')],
      verdicts,
    };
  },
};
