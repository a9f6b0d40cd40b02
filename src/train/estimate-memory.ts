/**
 * How much memory a training or a prediction takes, before anything is allocated. The code that allocates and runs a pass
 * runs on a backend that only counts (core/memory/meter.ts), so the figures are exact for every spec.
 */

import { shown } from '../checks.js';
import type { Kernels, Matrix } from '../contract/kernels.js';
import { allocateTape, type BuiltSpec, buildLayers, type TapeOptions, variantsFor } from '../core/build.js';
import { goesBySequence, type LossChoice, type LossSpec } from '../core/losses.js';
import { MemoryMeter } from '../core/memory/meter.js';
import { Arena } from '../core/memory/parameters.js';
import { parameterLayout } from '../core/parameter-layout.js';
import type { PassShape } from '../core/pass.js';
import type { ModelSpec } from '../core/spec.js';
import type { Tape } from '../core/tape.js';
import { targetWidth } from '../core/targets.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { copyOfOptimizerChoice, type OptimizerChoice } from '../optim/choice.js';
import type { Optimizer } from '../optim/optimizer.js';
import { type BufferOptions, bufferAllocation } from './buffers.js';
import { optimizerFrom } from './ready.js';

/** What a training or a prediction takes of a backend's memory, in bytes, with the backend's padding and rounding. */
export interface MemoryEstimate {
  readonly parameters: number;
  /** The gradients and their norm. */
  readonly gradients: number;
  /** Optimizer state, such as Adam's m and v, its scratch buffers, and the copies of the weights that `fit` keeps. */
  readonly optimizer: number;
  /** One pass over a batch of this shape, with its loss, and the packed weights, which all passes of a model share. */
  readonly tape: number;
  /** The part of the tape that one more time step of all rows adds. */
  readonly step: number;
  /** What the backend itself allocates: workspace of products, lists of tokens, memory of threads. */
  readonly working: number;
  readonly total: number;
  /** What the backend can allocate at most; Infinity if only the machine limits it. */
  readonly capacity: number;
}

/** Options of a memory estimate. Optimizer (default: none), average and early stopping are those of `fit`. */
export interface MemoryOptions extends TapeOptions, Partial<Omit<BufferOptions, 'optimizer'>> {
  /** As in `fit`. */
  readonly optimizer?: OptimizerChoice;
  /** Default `crossEntropy`; null for no loss, as in `model.predict`. */
  readonly loss?: LossChoice | null;
  /** Whether batches have `weights`. Default false. */
  readonly weights?: boolean;
  /** Bytes; a larger total throws `OUT_OF_MEMORY`. Default: no limit. */
  readonly limit?: number;
}

/**
 * Returns what `fit` allocates on this backend for batches of one shape; with `gradients: false`, what a forward pass does.
 * Validation data need one more such tape while they are evaluated.
 *
 * Not counted are JavaScript objects (about a kilobyte per time step and LSTM layer) and token numbers (four bytes each).
 * Throws `INVALID_SETTING` if the spec cannot work, and `OUT_OF_MEMORY`.
 */
export async function estimateMemoryOn(
  kernels: Kernels,
  spec: ModelSpec,
  shape: PassShape,
  options: MemoryOptions = {},
): Promise<MemoryEstimate> {
  const { optimizer: choice, gradients: training = true, limit } = options;
  if (limit !== undefined && !(typeof limit === 'number' && limit >= 0)) {
    throw invalidSetting('options.limit', `must be a number of bytes, got ${shown(limit)}.`);
  }
  const optimizer = choice === undefined ? NONE : await optimizerFrom(copyOfOptimizerChoice('optimizer', choice));
  const allocate = await bufferAllocation({ ...options, optimizer });
  const layout = parameterLayout(spec);
  const variants = await variantsFor(kernels, spec, options.lengths || goesBySequence(options.loss));
  const built: BuiltSpec = { spec, layers: buildLayers(spec), layout, variants: () => variants };
  const rules = await kernels.memory.rules();
  const meter = new MemoryMeter(kernels, rules, limit);
  const k = meter.kernels;
  const measured = <T>(allocate: () => T): [made: T, bytes: number] => {
    const before = meter.allocated;
    const made = allocate();
    return [made, meter.allocated - before];
  };
  const [weights, parameters] = measured(() => new Arena(k, layout));
  const [buffers, own] = measured(() => (training ? allocate(k, weights) : null));
  const gradients = buffers ? rules.matrix(1, layout.size) + rules.matrix(1, 1) : 0;
  const pass = (): void => runPasses(layPass(k, built, shape, options), options, weights, buffers?.gradients ?? null);
  const [, tape] = measured(pass);
  const [, scratch] = measured(() => {
    // An early and a late update: RAdam, for one, uses other scratch buffers after some updates.
    for (const update of [1, 1000])
      buffers?.optimizer.apply(buffers.gradients.matrix, update, optimizer.spec.learningRate);
  });
  const working = rules.overhead + meter.working;
  return {
    parameters,
    gradients,
    optimizer: own - gradients + scratch,
    tape,
    step: stepBytes(() => new MemoryMeter(kernels, rules, limit), built, shape, options),
    working,
    total: parameters + own + tape + scratch + working,
    capacity: kernels.memory.capacity,
  };
}

const NONE: Optimizer = { spec: { kind: 'none', learningRate: 0 }, state: [], apply: () => {} };

/** What the last time step of all rows adds to a tape of at least two steps. */
function stepBytes(make: () => MemoryMeter, built: BuiltSpec, shape: PassShape, options: MemoryOptions): number {
  const steps = Math.max(2, shape.steps);
  const [shorter, whole] = [steps - 1, steps].map((count) => {
    const meter = make();
    layPass(meter.kernels, built, { ...shape, steps: count }, options);
    return meter.allocated;
  });
  return whole! - shorter!;
}

/** Allocates a tape with its loss, as `fit` does. */
function layPass(k: Kernels, built: BuiltSpec, shape: PassShape, options: MemoryOptions): Tape {
  const { inputGradient = false, loss = 'crossEntropy', ...rest } = options;
  const tape = allocateTape(k, built, shape, { inputGradient, ...rest });
  if (loss !== null) tape.allocateLoss(loss);
  return tape;
}

/** Runs passes over batches without and with rows that end early, because each needs workspaces that the other does not. */
function runPasses(tape: Tape, options: MemoryOptions, parameters: Arena, gradients: Arena | null): void {
  const { steps, batchSize } = tape.shape;
  runPass(tape, options, parameters, gradients);
  if (!options.lengths) return;
  tape.setLengths(new Int32Array(batchSize).fill(Math.max(1, Math.floor(0.875 * steps))));
  runPass(tape, options, parameters, gradients);
}

/** Runs all instructions of one update on zeros, so that each allocates its workspace. */
function runPass(tape: Tape, options: MemoryOptions, parameters: Arena, gradients: Arena | null): void {
  const { input, shape, loss } = tape;
  tape.begin(null, gradients && { seed: 0, update: 1 });
  tape.forward(parameters, same(shape.steps * shape.batchSize * (input.kind === 'tokens' ? 1 : input.x.cols), 0));
  const { y } = tape.layers.at(-1)!;
  if (loss)
    tape.measure(loss.spec, validTargets(loss.spec, y, shape.batchSize), options.weights ? same(y.rows, 1) : null);
  if (gradients) tape.backward(parameters, gradients);
}

/** Targets that every loss accepts. */
function validTargets(spec: LossSpec, y: Matrix, rows: number): ArrayLike<number> {
  if (spec.kind === 'crossEntropy') return same(y.rows, 0);
  if (spec.kind === 'ctc') return same(rows, -1); // no labels: 0 may be the blank
  return same(y.rows * targetWidth(spec, y.cols), 0);
}

/** `count` times the same small integer. */
function same(count: number, value: number): ArrayLike<number> {
  try {
    return new Int8Array(count).fill(value);
  } catch {
    const capacity = Number.POSITIVE_INFINITY;
    throw new UnspoolError({ code: 'OUT_OF_MEMORY', bytes: count, inUse: null, capacity });
  }
}
