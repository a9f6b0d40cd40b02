/**
 * The gradient check compares every derived gradient with central differences,
 *   dL/dw ~ (L(w + e) - L(w - e)) / 2e,   with a truncation error of O(e^2) and a rounding error of about 1e-16 L / e.
 */

import { requireInteger, requireKeys, requireNumber, requireOptions } from '../checks.js';
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import { invalidSetting } from '../errors.js';
import { copyOf, requireBatch } from './batch.js';
import { outputStepsOf } from './layers/sizes.js';
import { type LossChoice, requireLoss } from './losses.js';
import type { StateNumbers } from './lstm/tape.js';
import type { Arena } from './memory/parameters.js';
import { type Batch, defaultLoss, type Model } from './model.js';
import { type Noise, requireNoise } from './noise.js';
import { requireModel } from './require-model.js';
import { createRng, type Rng } from './rng.js';
import type { ModelSpec } from './spec.js';
import { requireSpec } from './spec-check.js';
import type { Tape } from './tape.js';
import { targetWidth } from './targets.js';

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  /** The loss to differentiate. Default: as in `model.gradients`. */
  readonly loss?: LossChoice;
  /** The step of the central difference. Default 1e-4, where truncation and rounding errors are about equal. */
  readonly epsilon?: number;
  /** Largest relative error that passes. Default 1e-5. */
  readonly tolerance?: number;
  /** Apply the dropout of the spec, with these masks. Default: no dropout. */
  readonly noise?: Noise | null;
  /** Check at most this many elements of each tensor, evenly spread. Default: all. */
  readonly perTensor?: number;
}

/** One element of a tensor, with both of its gradients. */
export interface GradcheckElement {
  readonly tensor: string;
  /** Row-major index into the tensor's shape. */
  readonly index: readonly number[];
  /** The gradient of the backward pass. */
  readonly analytic: number;
  /** The gradient by central differences. */
  readonly numeric: number;
  /**
   * |analytic - numeric|, divided by the larger of the two. The divisor is at least a thousandth of the tensor's largest
   * gradient, and large enough that rounding in the difference quotient cannot exceed the tolerance.
   */
  readonly relativeError: number;
}

/** The result of the gradient check for one tensor. */
export interface GradcheckTensor {
  readonly tensor: string;
  readonly shape: readonly number[];
  /** The number of elements that were compared. */
  readonly checked: number;
  /** The element with the largest relative error. */
  readonly worst: GradcheckElement;
}

/** The result of `gradcheck`. */
export interface GradcheckReport {
  /** Whether every relative error is within the tolerance. */
  readonly passed: boolean;
  readonly tolerance: number;
  readonly loss: number;
  readonly tensors: readonly GradcheckTensor[];
  /** The element with the largest relative error of all tensors. */
  readonly worst: GradcheckElement;
}

/** A tensor whose elements are varied, with its gradient. */
interface Target {
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly handle: Matrix;
  readonly gradient: FloatArray;
}

/**
 * Checks the gradients of a model against central differences: those with respect to every parameter, the input (unless it
 * is tokens) and the initial state of every LSTM layer. The pass starts from a small random state, so that h- and c- of the
 * first step are not zero. Throws `INVALID_SETTING` unless the model is in float64: float32 has too few digits.
 */
export async function gradcheck(model: Model, batch: Batch, options: GradcheckOptions = {}): Promise<GradcheckReport> {
  requireModel(model);
  requireOptions('options', options, ['loss', 'epsilon', 'tolerance', 'noise', 'perTensor']);
  const { epsilon = 1e-4, tolerance = 1e-5, perTensor = Number.POSITIVE_INFINITY, noise = null } = options;
  requireNumber('epsilon', epsilon, 1e-12, 1);
  requireNumber('tolerance', tolerance, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (perTensor !== Number.POSITIVE_INFINITY) requireInteger('perTensor', perTensor, 1, Number.MAX_SAFE_INTEGER);
  requireNoise(noise);
  const choice = options.loss ?? defaultLoss(batch);
  requireBatch(model, batch, choice);
  const { precision } = model.kernels;
  if (precision !== 'float64') {
    throw invalidSetting(
      'precision',
      `a gradient check needs float64, but the model is in ${precision}.`,
      "Create it with {precision: 'float64'}.",
    );
  }
  const own = await model.prepare(copyOf(batch), choice); // it is read again for every difference
  const tape = model.tape(own, { lengths: own.lengths !== undefined });
  let gradients: Arena | null = null;
  try {
    gradients = model.arena();
    return await differences(model, own, tape, gradients, { choice, epsilon, tolerance, perTensor, noise });
  } finally {
    gradients?.free();
    tape.free();
  }
}

type Settings = Required<Omit<GradcheckOptions, 'loss'>> & { readonly choice: LossChoice };

async function differences(
  model: Model,
  batch: Batch,
  tape: Tape,
  gradients: Arena,
  { choice, epsilon, tolerance, perTensor, noise: masks }: Settings,
): Promise<GradcheckReport> {
  const k = model.kernels;
  const { lengths, batchFirst } = batch;
  tape.setLengths(lengths ?? null);
  tape.begin(randomStates(tape, model.spec.seed ?? 1), masks);
  tape.forward(model.parameters, batch.inputs, batchFirst);
  const weights = batch.weights ?? null;
  tape.measure(choice, batch.targets, weights, batchFirst);
  tape.backward(model.parameters, gradients);
  const objective = async (): Promise<number> => (await k.download(tape.loss!.value))[0]! + (await tape.penalty());
  const loss = await objective();
  const lossAt = async (): Promise<number> => {
    model.parameters.startPass();
    // tape.forward would overwrite the input, which is one of the targets.
    for (const layer of tape.layers) layer.forward(model.parameters);
    tape.measure(choice, batch.targets, weights, batchFirst);
    return objective();
  };
  // Each of the two losses has a rounding error of about 2^-52 of its size, and dividing by 2e magnifies it.
  const noise = Math.max(1e-8, (4 * Number.EPSILON * Math.abs(loss)) / epsilon / tolerance);
  const tensors: GradcheckTensor[] = [];
  for (const target of await findTargets(model, tape, gradients)) {
    tensors.push(await checkTensor(k, target, lossAt, { epsilon, perTensor, noise }));
  }
  const worst = tensors.map((t) => t.worst).reduce((a, b) => (worse(b, a) ? b : a));
  return { passed: worst.relativeError <= tolerance, tolerance, loss, tensors, worst };
}

/** Whether `a` has the larger error. NaN counts as larger than any number. */
const worse = ({ relativeError: a }: GradcheckElement, { relativeError: b }: GradcheckElement): boolean =>
  Number.isNaN(a) ? !Number.isNaN(b) : a > b;

/** Small random initial states. Null for a layer that starts from a learned state. */
function randomStates(tape: Tape, seed: number): (StateNumbers | null)[] {
  const rng = createRng(seed, 'gradcheck state');
  const numbers = (m: Matrix): number[] => Array.from({ length: m.rows * m.cols }, () => 0.3 * rng.normal());
  return tape.lstms.map((layer) => {
    const { h, c } = layer.initialState();
    return layer.spec.initialState === 'learned' ? null : { h: numbers(h), c: numbers(c) };
  });
}

async function findTargets(model: Model, tape: Tape, gradients: ReturnType<Model['arena']>): Promise<Target[]> {
  const k = model.kernels;
  const targets: Target[] = [];
  for (const { name, shape } of model.parameters.layout.entries) {
    const gradient = await k.download(gradients.handle(name));
    targets.push({ tensor: name, shape, handle: model.parameters.handle(name), gradient });
  }
  if (tape.input.kind === 'values' && tape.input.dx) {
    const { x, dx } = tape.input;
    const shape = [tape.shape.steps, tape.shape.batchSize, x.cols];
    targets.push({ tensor: 'input', shape, handle: x, gradient: await k.download(dx) });
  }
  for (const layer of tape.lstms) {
    if (layer.spec.initialState === 'learned') continue; // h0 and c0 are parameters
    for (const part of ['h', 'c'] as const) {
      const handle = layer.initialState()[part];
      const gradient = await k.download(layer.initialStateGrad()![part]);
      targets.push({
        tensor: `${layer.name}${layer.reverse ? ' reverse' : ''} initial ${part}`,
        shape: [handle.rows, handle.cols],
        handle,
        gradient,
      });
    }
  }
  return targets;
}

async function checkTensor(
  k: Kernels,
  { tensor, shape, handle, gradient }: Target,
  lossAt: () => Promise<number>,
  { epsilon, perTensor, noise }: { readonly epsilon: number; readonly perTensor: number; readonly noise: number },
): Promise<GradcheckTensor> {
  const values = await k.download(handle);
  const stride = Math.max(1, Math.ceil(values.length / perTensor));
  let largest = 0;
  for (const g of gradient) if (Math.abs(g) > largest) largest = Math.abs(g); // skips NaN, which is compared below
  const floor = Math.max(noise, 1e-3 * largest);
  let worst: GradcheckElement | null = null;
  let checked = 0;
  for (let at = 0; at < values.length; at += stride) {
    const value = values[at]!;
    const lossWith = (v: number): Promise<number> => {
      values[at] = v;
      k.upload(handle, values);
      return lossAt();
    };
    const above = await lossWith(value + epsilon);
    const below = await lossWith(value - epsilon);
    values[at] = value;
    k.upload(handle, values);
    const numeric = (above - below) / (2 * epsilon);
    const analytic = gradient[at]!;
    const scale = Math.max(Math.abs(analytic), Math.abs(numeric), floor);
    const relativeError = Math.abs(analytic - numeric) / scale;
    const element = { tensor, index: unravel(at, shape), analytic, numeric, relativeError };
    if (!worst || worse(element, worst)) worst = element;
    checked++;
  }
  return { tensor, shape, checked, worst: worst! };
}

function unravel(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of [...shape].reverse()) {
    index.unshift(at % size);
    at = Math.floor(at / size);
  }
  return index;
}

/** Random inputs and targets that fit a model and a loss (default: as in `model.gradients`), for a check without data. */
export function randomBatch(
  spec: ModelSpec,
  shape: { readonly steps: number; readonly batchSize: number },
  outputSize: number,
  seed = 1,
  loss?: LossChoice,
): Batch {
  requireSpec(spec);
  requireKeys('shape', shape, ['steps', 'batchSize']);
  const { steps, batchSize } = shape;
  requireInteger('steps', steps, 1, 1 << 24);
  requireInteger('batchSize', batchSize, 1, 1 << 24);
  requireInteger('outputSize', outputSize, 1, 1 << 24);
  const rng = createRng(seed, 'random batch');
  const first = spec.layers[0]!;
  const count = steps * batchSize;
  const outputs = batchSize * outputStepsOf(spec.layers, steps);
  if (first.kind === 'embedding') {
    const inputs = Int32Array.from({ length: count }, () => rng.integer(first.size));
    return {
      steps,
      batchSize,
      inputs,
      targets: randomTargets(rng, batchSize, outputs, outputSize, loss ?? 'crossEntropy'),
    };
  }
  const inputs = Float64Array.from({ length: count * spec.inputSize! }, () => rng.normal());
  return {
    steps,
    batchSize,
    inputs,
    targets: randomTargets(rng, batchSize, outputs, outputSize, loss ?? 'meanSquaredError'),
  };
}

/** Targets that fit a loss over `outputs` rows of `width` columns. */
function randomTargets(rng: Rng, rows: number, outputs: number, width: number, choice: LossChoice): ArrayLike<number> {
  const spec = requireLoss(choice);
  if (spec.kind === 'crossEntropy') return Int32Array.from({ length: outputs }, () => rng.integer(width));
  if (spec.kind === 'ctc') {
    const blank = spec.blank ?? 0;
    const length = rows * Math.max(1, Math.floor(outputs / rows / 2));
    return Int32Array.from({ length }, () => (blank + 1 + rng.integer(width - 1)) % width);
  }
  const length = outputs * targetWidth(spec, width);
  return Float64Array.from({ length }, () => (spec.kind === 'binaryCrossEntropy' ? rng.uniform() : rng.normal()));
}
