/**
 * Traces with edits: other inputs, and clamped gates. To clamp a gate at a value v, its weights are set to 0 and its bias to the
 * inverse of its activation at v. The engine's own pass then computes the clamped gate, forward and backward: no gradient flows
 * through weights of 0. The gradients of those weights have no meaning, so they are set to 0.
 */
import { type Batch, createModel, type Model } from 'unspool';
import { GATES, type Grid, type Trace } from 'unspool/inspect';
import type { Clamp, Edits } from './api.js';

/** The value of `variant.gates` for a cell without this gate. */
const WITHOUT = { i: 'noInput', f: 'noForget', g: null, o: 'noOutput' } as const;
/** A pre-activation whose activation is exactly 0 or 1 in float32. */
const MAX_PREACTIVATION = 30;

const preactivationOf = ({ gate, value }: Clamp): number => {
  const a = gate === 'g' ? Math.atanh(value) : Math.log(value / (1 - value));
  return Math.max(-MAX_PREACTIVATION, Math.min(MAX_PREACTIVATION, a));
};

export function withInputs(batch: Batch, { inputs }: Edits): Batch {
  if (inputs.length === 0) return batch;
  const all = Array.from(batch.inputs);
  const width = all.length / batch.steps;
  for (const { t, values } of inputs) all.splice(t * width, width, ...values.slice(0, width));
  return { ...batch, inputs: batch.inputs instanceof Int32Array ? Int32Array.from(all) : Float32Array.from(all) };
}

/** The trace that `act` makes of a copy of the model in which the gates are clamped. */
export async function withClamps(
  model: Model,
  clamps: readonly Clamp[],
  act: (model: Model) => Promise<Trace>,
): Promise<Trace> {
  if (clamps.length === 0) return act(model);
  const { name, precision } = model.kernels;
  const copy = await createModel(model.spec, { backend: name as 'wasm', precision });
  try {
    for (const [parameter, values] of await model.parameters.download()) copy.parameters.set(parameter, values);
    const unclamped = await act(copy); // for the names of each layer's parameters
    for (const clamp of clamps) requireClampable(unclamped.layers[clamp.layer]!, clamp);
    for (const clamp of clamps) setClamp(copy, unclamped, clamp, await copy.parameters.download());
    const trace = await act(copy);
    for (const clamp of clamps) clearGradients(trace, clamp);
    return trace;
  } finally {
    copy.dispose();
  }
}

function requireClampable({ variant, parameters }: Trace['layers'][number], { gate }: Clamp): void {
  if (variant.gates === 'coupled' && gate === 'f')
    throw new Error('The forget gate of this cell is 1 − i and has no weights. Clamp i instead.');
  if (variant.gates === WITHOUT[gate])
    throw new Error(`This cell has no gate ${gate}: its value is always 1. Clamp another gate.`);
  const isStandard = variant.gate.kind === 'sigmoid' && variant.candidate.kind === 'tanh';
  if (variant.layerNorm || variant.gateRecurrence || !isStandard || !parameters.bias_ih)
    throw new Error(
      'Gates can be clamped only in cells with a bias, sigmoid gates and a tanh candidate, without layer normalization or gate recurrence. Choose another cell.',
    );
}

/** Calls `act` with each range of a layer's parameters that belongs to the clamped gate. */
function eachRange(
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

function setClamp(
  model: Model,
  trace: Trace,
  clamp: Clamp,
  parameters: ReadonlyMap<string, Float32Array | Float64Array>,
): void {
  eachRange(trace, clamp, (part, name, from, to) => {
    const values = parameters.get(name)!.slice();
    values.fill(part === 'bias_ih' ? preactivationOf(clamp) : 0, from, to);
    model.parameters.set(name, values);
  });
}

function clearGradients(trace: Trace, clamp: Clamp): void {
  const { grad, hiddenSize, steps } = trace.layers[clamp.layer]!;
  const clear = ({ data }: Grid, from: number, to: number): void => void data.fill(0, from, to);
  eachRange(trace, clamp, (_, name, from, to) => clear(trace.gradients[name]!, from, to));
  const row = GATES.indexOf(clamp.gate) * hiddenSize + clamp.unit;
  for (let t = 0; t < steps; t++) {
    clear(grad.a[clamp.gate], t * hiddenSize + clamp.unit, t * hiddenSize + clamp.unit + 1);
    for (const products of [grad.inputProduct, grad.recurrentProduct]) {
      clear(products, t * 4 * hiddenSize + row, t * 4 * hiddenSize + row + 1);
    }
  }
}
