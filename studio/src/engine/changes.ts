/**
 * A pass in which something is changed by hand. A gate that is held at a value v is one whose weights are 0 and whose bias is the
 * inverse of its squashing at v: the engine's own pass is then the pass with that gate clamped, forwards and back, since nothing
 * comes through weights of 0. What it finds for those weights themselves is not theirs any more, and is put to 0.
 */
import { type Batch, createModel, type Model } from 'unspool';
import { GATES, type Grid, type Trace } from 'unspool/inspect';
import type { Changes, Clamp } from './api.js';

const LEFT_OUT = { i: 'noInput', f: 'noForget', g: null, o: 'noOutput' } as const;
/** Squashed to 0 or 1 exactly, in float32. */
const FAR = 30;

const inverse = ({ gate, value }: Clamp): number => {
  const far = gate === 'g' ? Math.atanh(value) : Math.log(value / (1 - value));
  return Math.max(-FAR, Math.min(FAR, far));
};

export function withInputs(batch: Batch, { inputs }: Changes): Batch {
  if (inputs.length === 0) return batch;
  const all = Array.from(batch.inputs);
  const width = all.length / batch.steps;
  for (const { t, values } of inputs) all.splice(t * width, width, ...values.slice(0, width));
  return { ...batch, inputs: batch.inputs instanceof Int32Array ? Int32Array.from(all) : Float32Array.from(all) };
}

/** Acts on a copy of the model in which these gates are held. */
export async function clamped(
  model: Model,
  clamps: readonly Clamp[],
  act: (model: Model) => Promise<Trace>,
): Promise<Trace> {
  if (clamps.length === 0) return act(model);
  const copy = await createModel(model.spec, {
    backend: model.kernels.name as 'wasm',
    precision: model.kernels.precision,
  });
  try {
    for (const [name, values] of await model.parameters.download()) copy.parameters.set(name, values);
    const before = await act(copy); // for the names of each layer's parameters
    for (const clamp of clamps) requireHeld(before.layers[clamp.layer]!, clamp);
    for (const clamp of clamps) hold(copy, before, clamp, await copy.parameters.download());
    const found = await act(copy);
    for (const clamp of clamps) silence(found, clamp);
    return found;
  } finally {
    copy.dispose();
  }
}

/** Whether weights of 0 and a bias can hold it. */
function requireHeld({ variant, parameters }: Trace['layers'][number], { gate }: Clamp): void {
  if (variant.gates === 'coupled' && gate === 'f')
    throw new Error('This cell’s forget gate is 1 − i and has no weights of its own. Hold i instead.');
  if (variant.gates === LEFT_OUT[gate])
    throw new Error(`This cell has no gate ${gate}: it is 1 throughout. Hold another.`);
  const plain = variant.gate.kind === 'sigmoid' && variant.candidate.kind === 'tanh';
  if (variant.layerNorm || variant.gateRecurrence || !plain || !parameters.bias_ih)
    throw new Error(
      'A gate can be held in cells with a bias and the usual sigmoid and tanh, without normalization and gate recurrence. Choose another cell to try it.',
    );
}

/** The rows of a layer's parameters that belong to the gate: those of matrices and vectors alike. */
function eachRow(
  trace: Trace,
  { layer, gate, unit }: Clamp,
  act: (part: string, name: string, from: number, to: number) => void,
): void {
  const { hiddenSize, parameters } = trace.layers[layer]!;
  const row = GATES.indexOf(gate) * hiddenSize + unit;
  for (const [part, name] of Object.entries(parameters)) {
    const { rows, cols } = trace.parameters[name]!;
    if (part === 'weight_ih' || part === 'weight_hh') act(part, name, row * cols, (row + 1) * cols);
    else if (part.startsWith('bias') && rows === 1) act(part, name, row, row + 1);
    else if (part === `peephole_${gate}`) act(part, name, unit, unit + 1);
  }
}

function hold(model: Model, trace: Trace, clamp: Clamp, all: ReadonlyMap<string, Float32Array | Float64Array>): void {
  eachRow(trace, clamp, (part, name, from, to) => {
    const values = all.get(name)!.slice();
    values.fill(part === 'bias_ih' ? inverse(clamp) : 0, from, to);
    model.parameters.set(name, values);
  });
}

function silence(trace: Trace, clamp: Clamp): void {
  const { grad, hiddenSize, steps } = trace.layers[clamp.layer]!;
  const zero = ({ data }: Grid, from: number, to: number): void => void data.fill(0, from, to);
  eachRow(trace, clamp, (_, name, from, to) => zero(trace.gradients[name]!, from, to));
  const row = GATES.indexOf(clamp.gate) * hiddenSize + clamp.unit;
  for (let t = 0; t < steps; t++) {
    zero(grad.a[clamp.gate], t * hiddenSize + clamp.unit, t * hiddenSize + clamp.unit + 1);
    for (const products of [grad.inputProduct, grad.recurrentProduct]) {
      zero(products, t * 4 * hiddenSize + row, t * 4 * hiddenSize + row + 1);
    }
  }
}
