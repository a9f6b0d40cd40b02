/** Copying over a lag: full BPTT learns what truncated BPTT cannot see. */
import type { Kernels } from '../../contract/kernels.js';
import type { Arena } from '../../core/memory/parameters.js';
import { hostNumbers } from '../../core/memory/views.js';
import { type Batch, Model } from '../../core/model.js';
import type { ModelSpec } from '../../core/spec.js';
import type { Tape } from '../../core/tape.js';
import { selectKernels } from '../../kernels/select.js';
import { adam } from '../../optim/adam.js';
import { gradientRoom, OptimizerRun } from '../../optim/optimizer.js';
import { copyWidth, delayedCopyTask, type Sequences, stepsToBatch } from '../tasks.js';
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
  /** Whether the lag grows from a short one, or is the whole one from the beginning. */
  readonly grows: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  BPTT: { window: null, grows: true },
  'TBPTT(10)': { window: 10, grows: true },
  'TBPTT(10), full lag': { window: 10, grows: false },
};

const [SYMBOLS, LENGTH, EVERY, UNITS, ROWS, RATE, FORGET_BIAS] = [2, 8, 17, 64, 32, 0.01, 5];
const FULL_LAG = 100;
/** The lag begins with this, and grows by half when 95 % are right. Letters are then out of a window of 10 already. */
const [FIRST_LAG, GROWTH, GROWS_AT] = [5, 1.5, 0.95];
/** The running mean of what is right, and where it ends a training. */
const [KEPT, DONE_AT] = [0.95, 0.995];
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

/** A model, and passes over whole sequences or windows of them. */
class Copier {
  private readonly kernels: Kernels;
  private readonly model: Model;
  private readonly window: number | null;
  private readonly sum: Arena;
  private readonly room: ReturnType<typeof gradientRoom>;
  private readonly optimizer: OptimizerRun;
  private readonly tapes = new Map<number, Tape>();
  private updates = 0;

  constructor(kernels: Kernels, seed: number, window: number | null) {
    this.kernels = kernels;
    this.window = window;
    this.model = new Model(kernels, spec(seed));
    this.room = gradientRoom(kernels, this.model.parameters.layout);
    this.sum = this.model.arena();
    this.optimizer = new OptimizerRun(kernels, adam({ learningRate: RATE }), this.model.parameters);
  }

  /** One update; returns the share of the letters that were right before it. */
  async learn(sequences: Sequences): Promise<number> {
    const { kernels: k, sum, room } = this;
    sum.clear();
    const right = await this.pass(sequences, this.window ?? sequences.length, true);
    k.clipNorm(room.norm, sum.matrix, 1);
    this.optimizer.apply(sum.matrix, ++this.updates, RATE);
    return right;
  }

  /** The share of the letters that are right. */
  test(sequences: Sequences): Promise<number> {
    return this.pass(sequences, sequences.length, false);
  }

  dispose(): void {
    this.model.dispose();
  }

  /** Window by window with the state carried on; gradients of the sequence's mean loss are added to `sum`. */
  private async pass(sequences: Sequences, window: number, learns: boolean): Promise<number> {
    const { model, kernels, sum, room } = this;
    let from: Awaited<ReturnType<Tape['downloadStates']>> | null = null;
    let right = 0;
    for (let at = 0; at < sequences.length; at += window) {
      const steps = sequences.slice(at, at + window);
      const batch = stepsToBatch(steps, ROWS);
      const recalls = ROWS * steps.filter(({ target }) => target).length;
      const tape = this.tapeOf(batch.steps);
      if (recalls > 0 && learns) {
        await model.gradients(batch, { tape, from, gradients: room.gradients });
        const [to, part] = [hostNumbers(kernels, sum.matrix), hostNumbers(kernels, room.gradients.matrix)];
        for (let p = 0; p < to.length; p++) to[p]! += (recalls / (LENGTH * ROWS)) * part[p]!;
      } else {
        tape.begin(from);
        tape.forward(model.parameters, batch.inputs);
      }
      right += rightOf(tape.output.data.array, batch);
      if (at + window < sequences.length) from = await tape.downloadStates();
    }
    return right / (LENGTH * ROWS);
  }

  private tapeOf(steps: number): Tape {
    let tape = this.tapes.get(steps);
    if (!tape) {
      for (const old of this.tapes.values()) if (this.tapes.size > 2) old.free();
      if (this.tapes.size > 2) this.tapes.clear();
      tape = this.model.tape({ steps, batchSize: ROWS }, { inputGradient: false });
      this.tapes.set(steps, tape);
    }
    return tape;
  }
}

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

/** A lag at which no letter is shown where another is to be said. */
const free = (lag: number): number => (lag % EVERY === 0 ? lag + 1 : lag);

async function train({ label, seed, lag: wanted, updates }: CopyJob, progress: (share: number) => void) {
  const { window, grows } = CASES[label]!;
  const copier = new Copier(await selectKernels(), seed, window);
  const random = dataOf('copy', seed);
  const sequences = (lag: number): Sequences =>
    delayedCopyTask({ symbols: SYMBOLS, length: LENGTH, every: EVERY, lag: free(lag) }, ROWS, random);
  const curves = { recall: [] as [number, number][], lag: [] as [number, number][] };
  let [lag, mean, update] = [grows ? Math.min(FIRST_LAG, wanted) : wanted, 1 / SYMBOLS, 0];
  while (update < updates && !(lag === wanted && mean > DONE_AT)) {
    update++;
    mean = KEPT * mean + (1 - KEPT) * (await copier.learn(sequences(lag)));
    if (lag < wanted && mean > GROWS_AT) {
      lag = Math.min(wanted, Math.ceil(lag * GROWTH));
      mean = 1 / SYMBOLS;
    }
    if (update % 10 !== 0) continue;
    curves.recall.push([update, mean]);
    curves.lag.push([update, lag]);
    progress(update / updates);
  }
  let recall = 0;
  for (let i = 0; i < TEST_BATCHES; i++) recall += (await copier.test(sequences(wanted))) / TEST_BATCHES;
  copier.dispose();
  return { values: { recall, lag, mean, updates: update }, curves };
}

export const copyOverLag: Experiment<CopyJob> = {
  id: 'copy',
  title: 'Copying over a lag',
  question:
    'Letters come in one by one, and each is to be said again 100 steps later, over 220 steps. Full BPTT learns it in minutes; does BPTT that is cut every 10 steps, its state carried on?',
  source: `A delay line: ${LENGTH} letters out of ${SYMBOLS}, one every ${EVERY} steps, each to be said at a signal exactly ${FULL_LAG} steps after it was seen: ${(LENGTH - 1) * EVERY + FULL_LAG + 1} steps (the copy task of Hochreiter & Schmidhuber's kind, as in Arjovsky et al. 2016, arXiv:1511.06464, with the letters apart). LSTM-${UNITS}, recurrent weights orthogonal, forget bias ${FORGET_BIAS}, ${ROWS} rows, Adam ${RATE}, clip 1, loss at the recalls alone, an update a batch; the lag begins at ${FIRST_LAG} and grows by half at ${100 * GROWS_AT} % right. Recall is told on new sequences at the full lag.`,
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
        ? { claim: 'BPTT: 99 % recalled, every seed', found, holds: recalls.every((v) => v >= 0.99) }
        : {
            claim: `${label}: no more than a guess and a tenth, every seed`,
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
          columns: ['method', 'median %', 'least', 'most', 'lag come to', 'updates', 'seconds'],
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
      plots: [plot('recall', 'Running mean of what is right, at the lag of the moment'), plot('lag', 'Lag')],
      verdicts,
    };
  },
};
