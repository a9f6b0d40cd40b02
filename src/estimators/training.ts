/**
 * An estimator as the gradient of `fit`: each batch is run step by step, what the estimator emits over the batch is added up, and makes
 * one update. What came before the batch counts as constant, as with BPTT over batches; the state goes on, and the estimator
 * begins anew, with random numbers of its own for each update, so that a resumed training has the same bits.
 */
import type { FitOptions } from '../core/fit-options.js';
import type { FloatArray } from '../core/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import { createRng } from '../core/rng.js';
import { fail } from '../core/spec-checks.js';
import type { Tape } from '../core/tape.js';
import { hostNumbers } from '../core/views.js';
import { type EstimatorRun, type GradientEstimator, unroll } from './estimator.js';
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
 * batch one after the other. Throws `INVALID_SETTING` for a model with dropout or other noise, and for batches with lengths, weights or
 * rows first: those are for whole tapes.
 */
export function estimated(estimator: GradientEstimator): GradientFunction {
  let bench: (Bench & { readonly model: Model; readonly rows: number; readonly loss: LossChoice }) | null = null;
  return async (model, batch, { tape, gradients, from, noise, loss = model.standardLoss(batch) }) => {
    requireWhole(model, batch);
    const rows = estimator.facing === 'future' ? 1 : batch.rows;
    if (bench?.model !== model || bench.rows !== rows || bench.loss !== loss) {
      bench?.system.dispose();
      const system = modelSystem(model, { rows, loss });
      bench = { model, rows, loss, system, gradient: system.newGradient() };
    }
    tape.begin(from ?? null); // where the state is to be found, whatever it comes from
    const random = createRng(`${noise?.seed ?? 0}/${noise?.step ?? 0}`, estimator.name);
    const run = estimator.start(bench.system, random);
    const numbers = hostNumbers(model.kernels, gradients.matrix);
    numbers.fill(0);
    let sum = 0;
    for (let first = 0; first < batch.rows; first += rows) {
      sum += runRows(bench, run, estimator.every, { model, batch, tape, first, rows }, numbers);
      run.reset();
    }
    const parts = (batch.rows / rows) * batch.steps;
    for (let p = 0; p < numbers.length; p++) numbers[p]! /= parts;
    return { loss: sum / parts };
  };
}

interface Part {
  readonly model: Model;
  readonly batch: Batch;
  readonly tape: Tape;
  readonly first: number;
  readonly rows: number;
}

/** Adds the gradient of the rows from `first` on to `sum`; leaves the state they end with on the tape. Returns their losses. */
function runRows(
  { system, gradient }: Bench,
  run: EstimatorRun,
  every: number | null,
  part: Part,
  sum: FloatArray,
): number {
  const { model, tape, first, rows } = part;
  const S = system.stateSize;
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
  const { loss, state } = unroll(system, run, stepsOf(part), { state: start, every, gradient }, (emitted) => {
    addScaled(sum, 1, emitted);
  });
  for (const [i, { m, data }] of matrices('finalState').entries()) {
    const { from, to } = system.parts[i]!;
    for (let n = 0; n < rows; n++) data.set(state.subarray(n * S + from, n * S + to), (first + n) * m.cols);
  }
  return loss;
}

function* stepsOf({ batch, first, rows }: Part): Generator<StepData> {
  const { steps, inputs, targets } = batch;
  const count = steps * batch.rows;
  const [width, wide] = [inputs.length / count, targets.length / count];
  const cut = (values: ArrayLike<number>, t: number, each: number): ArrayLike<number> => {
    const from = (t * batch.rows + first) * each;
    const part = Array.prototype.slice.call(values, from, from + rows * each) as number[];
    return values instanceof Int32Array ? Int32Array.from(part) : part;
  };
  for (let t = 0; t < steps; t++) yield { input: cut(inputs, t, width), target: cut(targets, t, wide) };
}

function requireWhole({ spec }: Model, batch: Batch): void {
  for (const name of ['lengths', 'weights', 'batchFirst'] as const) {
    if (batch[name])
      fail(`batch.${name}`, 'is for whole tapes, and an estimator goes step by step.', 'Use the exact gradient.');
  }
  for (const [i, layer] of spec.layers.entries()) {
    const noisy =
      layer.kind === 'dropout' ||
      layer.kind === 'activity' ||
      (layer.kind === 'embedding' && layer.dropout) ||
      (layer.kind === 'lstm' && (layer.dropConnect || layer.recurrentDropout || layer.zoneout));
    if (noisy)
      fail(`layers[${i}]`, 'drops or adds something in training, which an estimator does not do.', 'Leave it out.');
  }
}
