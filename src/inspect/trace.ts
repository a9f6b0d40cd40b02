/** Traces the forward and backward pass of one sequence as plain data. */
import { requireOptions } from '../checks.js';
import type { Kernels } from '../contract/kernels.js';
import { ctcTape } from '../core/ctc-tape.js';
import { lossTape } from '../core/loss-tape.js';
import { type LossChoice, type LossSpec, requireLoss } from '../core/losses.js';
import type { LstmState } from '../core/lstm/blocks.js';
import type { LstmTape, StateNumbers } from '../core/lstm/tape.js';
import type { Arena } from '../core/memory/parameters.js';
import { matrixOf } from '../core/memory/views.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { startNumbers } from '../core/start-state.js';
import type { StartState, Tape } from '../core/tape.js';
import { columns, download, type Grid, grid } from './grid.js';
import { backwardTrace } from './lstm-backward.js';
import { forwardTrace, splitGates, variantOf } from './lstm-forward.js';
import type { LstmTrace } from './lstm-trace.js';
import { type OneSequence, oneSequence } from './one-sequence.js';
import { Replay } from './replay.js';

/** Options of `trace`. */
export interface TraceOptions {
  /** The index of the sequence in the batch; default 0. */
  readonly row?: number;
  /** The loss. Default: `crossEntropy` for class targets (an Int32Array), otherwise `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** The state to start from, as in `model.evaluate`. Default: the model's initial state. */
  readonly from?: StartState;
  /** dL/dh and dL/dc of the final state of each LSTM, for a loss that extends past the last step. Default: 0. */
  readonly after?: readonly (StateNumbers | null)[] | null;
}

/** The forward and backward pass of one sequence as plain data; it can be stored or posted to a worker. */
export interface Trace {
  /** T, the number of time steps. */
  readonly steps: number;
  /** The loss of this sequence: the mean or sum over its steps, depending on the loss. */
  readonly loss: number;
  /** The loss with all its options. */
  readonly lossSpec: LossSpec;
  /**
   * The unweighted loss of each output step, NaN for an invalid target of weight 0; null for `ctc`, which is not a sum
   * over steps.
   */
  readonly lossByStep: Float64Array | null;
  /** The input: token ids, or values [T, D] and the gradient by them. */
  readonly input:
    | { readonly kind: 'tokens'; readonly ids: Int32Array }
    | { readonly kind: 'values'; readonly x: Grid; readonly grad: Grid };
  /** The LSTMs in the order of `tape.lstms`. */
  readonly layers: readonly LstmTrace[];
  /** The output of the last layer, [T, width]; one row after `returns: 'last'`; logits for `crossEntropy`. */
  readonly output: Grid;
  /** The gradient by the output. */
  readonly outputGrad: Grid;
  /** The softmax of the output for `crossEntropy`; null for other losses. */
  readonly probabilities: Grid | null;
  /** The targets of this sequence. */
  readonly targets: Int32Array | Float64Array;
  /** The weight of each output row in the loss; null if all are 1. */
  readonly weights: Float64Array | null;
  /** The parameters of the model by name; a vector is one row. */
  readonly parameters: Readonly<Record<string, Grid>>;
  /** The gradient by each parameter, equal to that of `model.gradients` for this sequence. */
  readonly gradients: Readonly<Record<string, Grid>>;
}

/**
 * Runs one sequence of `batch` forward and backward without dropout, and returns every value as plain data. Throws
 * `INVALID_SETTING` if `row` is out of range, and the errors of `model.gradients`.
 */
export async function trace(model: Model, batch: Batch, options: TraceOptions = {}): Promise<Trace> {
  requireModel(model);
  requireOptions('options', options ?? null, ['row', 'loss', 'from', 'after']);
  const k = model.kernels;
  const loss = requireLoss(options.loss ?? defaultLoss(batch));
  const one = oneSequence(model, batch, options.row ?? 0, loss);
  const ready = model.prepare({}, loss);
  if (ready instanceof Promise) await ready;
  const tape = model.tape({ steps: one.steps, batchSize: 1 });
  const arenas: Arena[] = [];
  try {
    arenas.push(model.arena(), model.arena());
    const [gradients, parameters] = arenas as [Arena, Arena];
    // A copy, because a training may change the weights during the awaits.
    k.copy(parameters.matrix, model.parameters.matrix);
    parameters.changed();
    const after = options.after ? startNumbers(options.after, tape.lstms).map(copyOf) : [];
    tape.begin(options.from ?? null);
    tape.forward(parameters, one.inputs);
    tape.measure(loss, one.targets, one.weights ?? null);
    const above = await runBackward(parameters, tape, gradients, after, k);
    const { value, probabilities } = tape.loss!;
    return {
      steps: one.steps,
      loss: (await k.download(value))[0]!,
      lossSpec: loss,
      lossByStep: await lossByStep(k, tape, loss, one),
      input: await inputOf(k, tape),
      layers: await lstmTraces(k, tape, parameters, above, after),
      output: await download(k, tape.layers.at(-1)!.y),
      outputGrad: await download(k, tape.layers.at(-1)!.dy!),
      probabilities: probabilities && (await download(k, probabilities)),
      targets: one.targets,
      weights: one.weights ? Float64Array.from(one.weights) : null,
      parameters: await gridsOf(parameters),
      gradients: await gridsOf(gradients),
    };
  } finally {
    tape.free();
    for (const arena of arenas) arena.free();
  }
}

const copyOf = (state: StateNumbers | null): StateNumbers | null =>
  state && { h: Float64Array.from(state.h), c: Float64Array.from(state.c) };

async function inputOf(k: Kernels, { input }: Tape): Promise<Trace['input']> {
  return input.kind === 'tokens'
    ? { kind: 'tokens', ids: input.ids.slice() }
    : { kind: 'values', x: await download(k, input.x), grad: await download(k, input.dx!) };
}

async function gridsOf(arena: Arena): Promise<Record<string, Grid>> {
  const all = await arena.download();
  return Object.fromEntries(
    arena.layout.entries.map(({ name, shape }) => [name, grid(...matrixOf(shape), all.get(name)!.slice())]),
  );
}

/** Runs the backward pass. Returns dL/dh from above of each LSTM, copied before its backward pass adds to it. */
async function runBackward(
  parameters: Arena,
  tape: Tape,
  gradients: Arena,
  after: readonly (StateNumbers | null)[],
  k: Kernels,
): Promise<Map<LstmTape, Grid>> {
  const finalGrads = tape.lstms.map((layer, i) => uploadState(k, layer, after[i] ?? null));
  for (const [i, layer] of tape.lstms.entries()) layer.after = finalGrads[i]!;
  const above = new Map<LstmTape, Grid>();
  tape.loss!.backward();
  for (const layer of [...tape.layers].reverse()) {
    if (layer.kind === 'lstm') above.set(layer, atAllSteps(layer, await download(k, layer.dy!)));
    if (layer.kind === 'bidirectional') {
      const both = await download(k, layer.dy!);
      const R = both.cols / 2;
      above.set(layer.forwards, atAllSteps(layer.forwards, columns(both, 0, R)));
      above.set(layer.backwards, atAllSteps(layer.backwards, columns(both, R, R)));
    }
    layer.backward(parameters, gradients);
  }
  for (const state of finalGrads) if (state) for (const m of [state.h, state.c]) k.free(m);
  return above;
}

function uploadState(k: Kernels, layer: LstmTape, given: StateNumbers | null): LstmState | null {
  if (!given) return null;
  const { h, c } = layer.finalState();
  const state = { h: k.alloc(1, h.cols), c: k.alloc(1, c.cols) };
  k.upload(state.h, given.h);
  k.upload(state.c, given.c);
  return state;
}

/** dL/dh from above at all steps: with `returns: 'last'` it is 0 except at the final step. */
function atAllSteps(layer: LstmTape, dy: Grid): Grid {
  const { steps: T } = layer.shape;
  if (dy.rows === T) return dy;
  const all = grid(T, dy.cols, new (dy.data.constructor as Float64ArrayConstructor)(T * dy.cols));
  all.data.set(dy.data, layer.reverse ? 0 : (T - 1) * dy.cols);
  return all;
}

async function lstmTraces(
  k: Kernels,
  tape: Tape,
  parameters: Arena,
  above: ReadonlyMap<LstmTape, Grid>,
  after: readonly (StateNumbers | null)[],
): Promise<LstmTrace[]> {
  const traces: LstmTrace[] = [];
  const values = await parameters.download();
  for (const [i, layer] of tape.lstms.entries()) {
    const forward = await forwardTrace(k, layer, variantOf(layer));
    const replay = new Replay(layer, forward, values);
    const a = splitGates(replay.preactivations(await download(k, layer.gates)), forward.hiddenSize);
    const incoming = { above: above.get(layer)!, after: after[i] ?? null };
    traces.push({ ...forward, a, grad: await backwardTrace(k, layer, forward, replay, incoming) });
  }
  return traces;
}

/** The loss of each output row alone. */
async function lossByStep(
  k: Kernels,
  tape: Tape,
  choice: LossSpec,
  { targets, weights }: OneSequence,
): Promise<Float64Array | null> {
  const { y } = tape.layers.at(-1)!;
  if (choice.kind === 'ctc') return null;
  const width = targets.length / y.rows;
  const row = k.alloc(1, y.cols);
  const rowLoss = lossTape(k, choice, row, null, { steps: 1, batchSize: 1 }, ctcTape);
  const found = new Float64Array(y.rows);
  for (let r = 0; r < y.rows; r++) {
    k.copy(row, k.view(y, r * y.cols, 1, y.cols));
    found[r] = Number.NaN;
    try {
      rowLoss.forward(targets.slice(r * width, (r + 1) * width));
    } catch (error) {
      if (weights?.[r] === 0) continue; // its target may be anything
      throw error;
    }
    found[r] = (await k.download(rowLoss.value))[0]!;
  }
  rowLoss.free();
  k.free(row);
  return found;
}
