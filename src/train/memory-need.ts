/**
 * How much memory a training or a prediction takes, before anything is allocated: the code that lays it out and runs a
 * pass is run on a backend that only counts (memory-meter.ts), so the figure is exact for whatever a spec can say.
 */

import type { Kernels, Matrix } from '../contract/kernels.js';
import { buildLayers, layTape, parameterLayout, type TapeOptions } from '../core/build.js';
import type { PassShape } from '../core/layers/layer.js';
import { type LossChoice, type LossSpec, targetWidth } from '../core/losses.js';
import { MemoryMeter } from '../core/memory/meter.js';
import { Arena } from '../core/memory/parameters.js';
import type { ModelSpec } from '../core/spec.js';
import type { Tape } from '../core/tape.js';
import { UnspoolError } from '../errors.js';
import type { Optimizer } from '../optim/optimizer.js';
import { type TrainingMemory, trainingRoom } from './buffers.js';

/** Bytes of the backend's memory, its padding and rounding included. */
export interface MemoryEstimate {
  readonly parameters: number;
  /** Their gradients, and the norm of them. */
  readonly gradients: number;
  /** The optimizer's state, such as Adam's m and v, and rooms it works in; copies of the weights, where `fit` keeps some. */
  readonly optimizer: number;
  /** One pass of the shape, with the loss over it. */
  readonly tape: number;
  /** What the last time step, of all rows, adds to the tape. */
  readonly step: number;
  /** What the backend takes for itself: rooms that products and lists of tokens go through, and its threads' part. */
  readonly working: number;
  readonly total: number;
  /** The most that the backend can reach; infinity where nothing but the machine limits it. */
  readonly capacity: number;
}

/** The optimizer (default: none), the average and the early stopping are those of `fit`. */
export interface MemoryOptions extends TapeOptions, Partial<TrainingMemory> {
  /** Default `crossEntropy`; null for none, as in `model.predict`. */
  readonly loss?: LossChoice | null;
  /** The batches weigh their rows. Default false. */
  readonly weights?: boolean;
  /** Throw `OUT_OF_MEMORY` where the total is beyond this. Default: tell it however large it is. */
  readonly limit?: number;
}

/**
 * What `fit` keeps on this backend for batches of one shape; with `gradients: false`, what passes without a backward pass
 * keep. Held-out data takes one more such tape while it is measured.
 *
 * Not counted is what JavaScript keeps around the numbers: handles (about a kilobyte a time step and LSTM layer) and the
 * token numbers (four bytes each). Throws `INVALID_SETTING` where the spec cannot work, `OUT_OF_MEMORY`.
 */
export async function estimateMemoryOn(
  kernels: Kernels,
  spec: ModelSpec,
  shape: PassShape,
  options: MemoryOptions = {},
): Promise<MemoryEstimate> {
  const { optimizer = NONE, gradients: training = true, limit } = options;
  const layout = parameterLayout(spec);
  const rules = await kernels.memory.rules();
  const meter = new MemoryMeter(kernels, rules, limit);
  const k = meter.kernels;
  const weighed = <T>(lay: () => T): [made: T, bytes: number] => {
    const before = meter.allocated;
    const made = lay();
    return [made, meter.allocated - before];
  };
  const [weights, parameters] = weighed(() => new Arena(k, layout));
  const [update, updates] = weighed(() => (training ? trainingRoom(k, weights, { ...options, optimizer }) : null));
  const gradients = update ? meter.bytesOf(update.gradients.matrix) + meter.bytesOf(update.norm) : 0;
  const pass = (): void => runPass(layPass(k, spec, shape, options), options, weights, update?.gradients ?? null);
  const [, tape] = weighed(pass);
  const [, rooms] = weighed(() => {
    // Early and late: RAdam, for one, works in other rooms once it has seen some gradients.
    for (const step of [1, 1000]) update?.optimizer.apply(update.gradients.matrix, step, optimizer.spec.learningRate);
  });
  const working = rules.own + meter.working;
  return {
    parameters,
    gradients,
    optimizer: updates - gradients + rooms,
    tape,
    step: stepBytes(() => new MemoryMeter(kernels, rules, limit), spec, shape, options),
    working,
    total: parameters + updates + tape + rooms + working,
    capacity: kernels.memory.capacity,
  };
}

const NONE: Optimizer = { spec: { kind: 'none', learningRate: 0 }, state: [], apply: () => {} };

/** What the last time step of all rows (of the first two, at the least) adds to a tape. */
function stepBytes(make: () => MemoryMeter, spec: ModelSpec, shape: PassShape, options: MemoryOptions): number {
  const steps = Math.max(2, shape.steps);
  const [less, all] = [steps - 1, steps].map((count) => {
    const meter = make();
    layPass(meter.kernels, spec, { ...shape, steps: count }, options);
    return meter.allocated;
  });
  return all! - less!;
}

/** A tape with its loss, as `fit` lays them. */
function layPass(k: Kernels, spec: ModelSpec, shape: PassShape, options: MemoryOptions): Tape {
  const { inputGradient = false, loss = 'crossEntropy', ...rest } = options;
  const tape = layTape(k, spec, buildLayers(spec), shape, { inputGradient, ...rest });
  if (loss !== null) tape.layLoss(loss);
  return tape;
}

/** All instructions of a step of training, so that each shows what room it works in; the data are zeros. */
function runPass(tape: Tape, options: MemoryOptions, parameters: Arena, gradients: Arena | null): void {
  const { input, shape, loss } = tape;
  if (options.lengths) tape.setLengths(same(shape.batchSize, 1));
  tape.begin(null, { seed: 0, update: 1 });
  tape.forward(parameters, same(shape.steps * shape.batchSize * (input.kind === 'tokens' ? 1 : input.x.cols), 0));
  const { y } = tape.layers.at(-1)!;
  if (loss)
    tape.measure(loss.spec, anyTargets(loss.spec, y, shape.batchSize), options.weights ? same(y.rows, 1) : null);
  if (gradients) tape.backward(parameters, gradients);
}

/** Targets that stand for any. */
function anyTargets(spec: LossSpec, y: Matrix, rows: number): ArrayLike<number> {
  if (spec.kind === 'crossEntropy') return same(y.rows, 0);
  if (spec.kind === 'ctc') return same(rows, -1); // no label: 0 may be the blank
  return same(y.rows * targetWidth(spec, y.cols), 0);
}

/** `count` times the same small whole number. */
function same(count: number, value: number): ArrayLike<number> {
  try {
    return new Int8Array(count).fill(value);
  } catch {
    const capacity = Number.POSITIVE_INFINITY;
    throw new UnspoolError({ code: 'OUT_OF_MEMORY', bytes: count, inUse: null, capacity });
  }
}
