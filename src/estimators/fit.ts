/**
 * An estimator as the gradient of `fit`. Each batch runs step by step, and the sum of the emissions makes one update. The state is
 * carried between batches, the gradient is not. Random numbers depend on the seed and the update, so a resumed training is
 * bit-identical.
 */

import { isObject, requireValues } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import { Arena } from '../core/memory/parameters.js';
import { hostNumbers } from '../core/memory/views.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { createRng } from '../core/rng.js';
import { requireCarriedState } from '../core/spec.js';
import { Tape } from '../core/tape.js';
import { invalidSetting } from '../errors.js';
import type { FitOptions } from '../train/options.js';
import { type EstimatorRun, type GradientEstimator, requireEstimator, rowsTaken, unroll } from './estimator.js';
import { requireBatchNumbers, requireStepLoss, stepsOf, timeMajorBatch } from './model/batch-steps.js';
import { type ModelSystem, modelSystem } from './model/system.js';
import { KeptSegments } from './segments.js';
import type { StepData } from './system.js';
import { addScaled } from './vectors.js';

type GradientFunction = NonNullable<FitOptions['gradient']>;

interface Workspace {
  readonly system: ModelSystem;
  readonly gradient: FloatArray;
}

/**
 * Makes an estimator the gradient of `fit`: `fit(model, data, { gradient: estimatorGradient(tbptt({ k1: 16, k2: 64 })), ... })`.
 * Forward estimators take the sequences of a batch one after the other; so do all estimators if the batch has lengths. `checkpointed`
 * runs whole segments with the speed of the exact gradient, unless the batch has lengths or the plan has no equal segments. Parameters
 * that an estimator learns are part of a checkpoint. Throws `INVALID_SETTING` for the `ctc` loss and for activity layers, which
 * need whole sequences.
 */
export function estimatorGradient(estimator: GradientEstimator): GradientFunction {
  requireEstimator(estimator);
  let workspace: (Workspace & { readonly model: Model; readonly rows: number; readonly loss: LossChoice }) | null =
    null;
  let learned: Float64Array | null = null;
  const segmented = new KeptSegments();
  const gradient: GradientFunction = async (model, batch, options) => {
    requireModel(model);
    requirePass(options);
    const { tape, gradients, from = null, noise = null, loss = defaultLoss(batch) } = options;
    requireStepLayers(model);
    requireStepLoss(loss);
    requireBatchNumbers(model, batch, loss);
    const segment = batch.lengths ? null : segmentOf(estimator, model, batch);
    if (segment !== null) {
      const passes = segmented.take(model, batch, segment);
      return { loss: await passes.run(timeMajorBatch(batch, loss), { tape, gradients, from, noise }) };
    }
    const rows = batch.lengths ? 1 : rowsTaken(estimator, batch.batchSize);
    if (workspace?.model !== model || workspace.rows !== rows || workspace.loss !== loss) {
      workspace?.system.dispose();
      const system = modelSystem(model, { batchSize: rows, loss });
      workspace = { model, rows, loss, system, gradient: system.newGradient() };
    }
    tape.begin(from); // the initial state is then on the tape, wherever it comes from
    const random = createRng(`${noise?.seed ?? 0}/${noise?.update ?? 0}`, estimator.name);
    const run = estimator.start(workspace.system, random);
    if (learned) restoreLearned(run, learned);
    const numbers = hostNumbers(model.kernels, gradients.matrix);
    numbers.fill(0);
    const laid = timeMajorBatch(batch, loss);
    let sum = 0;
    for (let first = 0; first < batch.batchSize; first += rows) {
      const steps = stepsOf(laid, first, rows, noise);
      sum += runRows(workspace, run, estimator.every, { tape, first, rows, steps, fresh: from === null }, numbers);
      run.reset();
    }
    if (run.learned) learned = run.learned;
    return { loss: sum };
  };
  return Object.defineProperties(gradient, {
    method: { value: estimator.name },
    readsStates: { value: true },
    dispose: {
      value() {
        segmented.free();
        workspace?.system.dispose();
        workspace = null;
      },
    },
    observed: { get: () => [...(learned ?? [])] },
    restore: {
      value(observed: readonly number[]) {
        requireValues('observed', observed);
        learned = observed.length > 0 ? Float64Array.from(observed) : null;
      },
    },
  });
}

/** The length of the segments that the estimator runs a batch in; null if it goes step by step. */
function segmentOf({ segments }: GradientEstimator, { spec }: Model, { steps }: Batch): number | null {
  if (!segments) return null;
  requireCarriedState(spec);
  if (steps === segments.steps) return segments.length;
  throw invalidSetting('steps', `must be the length of the sequence, which is ${steps}, got ${segments.steps}.`);
}

/** What `fit` passes to a gradient function. */
function requirePass(options: unknown): void {
  const { tape, gradients } = isObject(options) ? options : {};
  if (tape instanceof Tape && gradients instanceof Arena) return;
  throw invalidSetting('options', 'must have the tape and the gradients of a pass.', 'Pass the function to fit().');
}

interface Part {
  readonly tape: Tape;
  readonly first: number;
  readonly rows: number;
  readonly steps: Iterable<StepData>;
  /** Whether no state is carried in: the model's own first state. */
  readonly fresh: boolean;
}

/** Adds the gradient of the rows from `first` to `sum` and leaves their last state on the tape. Returns their loss. */
function runRows(
  { system, gradient }: Workspace,
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

function restoreLearned({ learned }: EstimatorRun, numbers: Float64Array): void {
  if (learned?.length === numbers.length) {
    learned.set(numbers);
    return;
  }
  const problem = `learns ${learned?.length ?? 0} numbers, but the checkpoint has ${numbers.length}.`;
  throw invalidSetting('gradient', problem, 'Resume with the estimator and the model that it was saved with.');
}

function requireStepLayers({ spec }: Model): void {
  const at = spec.layers.findIndex(({ kind }) => kind === 'activity');
  if (at < 0) return;
  const problem = 'looks at a whole sequence, and an estimator goes step by step.';
  throw invalidSetting(`layers[${at}]`, problem, 'Leave it out.');
}
