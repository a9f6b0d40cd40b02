/**
 * An estimator as the gradient of `fit`: each batch is run step by step, what the estimator emits over the batch is added up, and makes
 * one update. What came before the batch counts as constant, as with BPTT over batches; the state goes on, and the estimator
 * begins anew, with random numbers of its own for each update, so that a resumed training has the same bits.
 */
import type { FitOptions } from '../core/fit-options.js';
import type { FloatArray } from '../core/kernels.js';
import type { Noise } from '../core/layer.js';
import { toTimeMajor } from '../core/layout.js';
import { goesBySequence, type LossChoice, type LossSpec, lossWeight, requireLoss } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import { createRng } from '../core/rng.js';
import { fail } from '../core/spec-checks.js';
import type { Tape } from '../core/tape.js';
import { hostNumbers } from '../core/views.js';
import { type EstimatorRun, type GradientEstimator, rowsTaken, unroll } from './estimator.js';
import { type ModelSystem, modelSystem } from './model-system.js';
import type { StepData } from './system.js';
import { addScaled } from './vectors.js';

type GradientFunction = NonNullable<FitOptions['gradient']>;

interface Bench {
  readonly system: ModelSystem;
  readonly gradient: FloatArray;
}

/**
 * For `fit(model, data, { gradient: estimated(tbptt({ k1: 16, k2: 64 })), ... })`. Estimators that face the future take the rows of a
 * batch one after the other, and so do all of them where the rows have lengths of their own. What an estimator has learnt itself is part
 * of a checkpoint. Throws `INVALID_SETTING` for what is said of a whole sequence: the `ctc` loss, and activity layers.
 */
export function estimated(estimator: GradientEstimator): GradientFunction {
  let bench: (Bench & { readonly model: Model; readonly rows: number; readonly loss: LossChoice }) | null = null;
  let learned: Float64Array | null = null;
  const gradient: GradientFunction = async (model, batch, options) => {
    const { tape, gradients, from = null, noise = null, loss = model.standardLoss(batch) } = options;
    requireSteps(model, loss);
    const rows = batch.lengths ? 1 : rowsTaken(estimator, batch.rows);
    if (bench?.model !== model || bench.rows !== rows || bench.loss !== loss) {
      bench?.system.dispose();
      const system = modelSystem(model, { rows, loss });
      bench = { model, rows, loss, system, gradient: system.newGradient() };
    }
    tape.begin(from); // where the state is to be found, whatever it comes from
    const random = createRng(`${noise?.seed ?? 0}/${noise?.step ?? 0}`, estimator.name);
    const run = estimator.start(bench.system, random);
    if (learned) run.learned?.set(learned);
    const numbers = hostNumbers(model.kernels, gradients.matrix);
    numbers.fill(0);
    let sum = 0;
    for (let first = 0; first < batch.rows; first += rows) {
      const steps = stepsOf(batch, requireLoss(loss), noise, first, rows);
      sum += runRows(bench, run, estimator.every, { tape, first, rows, steps, fresh: from === null }, numbers);
      run.reset();
    }
    if (run.learned) learned = run.learned;
    return { loss: sum };
  };
  return Object.defineProperties(gradient, {
    memory: { get: () => [...(learned ?? [])] },
    restore: {
      value(memory: readonly number[]) {
        learned = memory.length > 0 ? Float64Array.from(memory) : null;
      },
    },
  });
}

interface Part {
  readonly tape: Tape;
  readonly first: number;
  readonly rows: number;
  readonly steps: Iterable<StepData>;
  /** Whether nothing was carried on: the model's own first state. */
  readonly fresh: boolean;
}

/** Adds the gradient of the rows from `first` on to `sum`; leaves the state they end with on the tape. Returns their losses. */
function runRows(
  { system, gradient }: Bench,
  run: EstimatorRun,
  every: number | null,
  part: Part,
  sum: FloatArray,
): number {
  const { tape, first, rows, steps, fresh } = part;
  const { model, stateSize: S } = system;
  const matrices = (which: 'initialState' | 'finalState') =>
    tape.lstms
      .flatMap((layer) => [layer[which]().h, layer[which]().c])
      .map((m) => ({ m, data: hostNumbers(model.kernels, m) }));
  const start = new Float64Array(rows * S);
  for (const [i, { m, data }] of matrices('initialState').entries()) {
    const { from } = system.parts[i]!;
    for (let n = 0; n < rows; n++) {
      start.set(data.subarray((first + n) * m.cols, (first + n + 1) * m.cols), n * S + from);
    }
  }
  const from = fresh ? {} : { state: start };
  const { loss, state } = unroll(system, run, steps, { ...from, every, gradient }, (emitted) => {
    addScaled(sum, 1, emitted);
  });
  for (const [i, { m, data }] of matrices('finalState').entries()) {
    const { from, to } = system.parts[i]!;
    for (let n = 0; n < rows; n++) data.set(state.subarray(n * S + from, n * S + to), (first + n) * m.cols);
  }
  return loss;
}

/**
 * The steps of rows [first, first + rows), time-major. Each one's loss is the mean over its rows, and counts with its share of the
 * batch's mean: a step weighs as much as its targets do.
 */
function* stepsOf(batch: Batch, loss: LossSpec, noise: Noise | null, first: number, rows: number): Generator<StepData> {
  const { steps, rows: N, lengths, batchFirst } = batch;
  const ordered = (values: ArrayLike<number>) => (batchFirst ? toTimeMajor(values, steps, N) : values);
  const [inputs, targets] = [ordered(batch.inputs), ordered(batch.targets)];
  const weights = countedRows(batch, batch.weights ? ordered(batch.weights) : null);
  const sums = 'reduction' in loss && loss.reduction === 'sum';
  const total = sums ? 1 : lossWeight(loss, targets, { rows: N, weights });
  const cut = (values: ArrayLike<number>, t: number): ArrayLike<number> => {
    const each = values.length / (steps * N);
    return Array.prototype.slice.call(values, (t * N + first) * each, (t * N + first + rows) * each) as number[];
  };
  const ids = (like: ArrayLike<number>, numbers: ArrayLike<number>) =>
    like instanceof Int32Array ? Int32Array.from(numbers) : numbers;
  const last = lengths && rows === 1 ? lengths[first]! : steps;
  for (let t = 0; t < last; t++) {
    const target = ids(targets, cut(targets, t));
    const own = weights && cut(weights, t);
    yield {
      input: ids(inputs, cut(inputs, t)),
      target,
      weights: own,
      share: (sums ? 1 : lossWeight(loss, target, { rows, weights: own })) / total,
      noise: noise && { ...noise, part: { step: t, row: first, rows: N } },
    };
  }
}

/** How much each step and row counts, [T, N]: 0 past a row's end; null where all count alike. */
function countedRows({ steps, rows, lengths }: Batch, weights: ArrayLike<number> | null): ArrayLike<number> | null {
  if (!lengths) return weights;
  return Float64Array.from({ length: steps * rows }, (_, r) =>
    Math.floor(r / rows) < lengths[r % rows]! ? (weights?.[r] ?? 1) : 0,
  );
}

function requireSteps({ spec }: Model, loss: LossChoice): void {
  if (goesBySequence(loss))
    fail('loss', 'is of whole sequences, and an estimator goes step by step.', 'Use the exact gradient.');
  const at = spec.layers.findIndex(({ kind }) => kind === 'activity');
  if (at >= 0) fail(`layers[${at}]`, 'looks at a whole sequence, and an estimator goes step by step.', 'Leave it out.');
}
