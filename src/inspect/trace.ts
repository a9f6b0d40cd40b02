/**
 * A trace: one sequence's forward and backward pass as plain data, which can be kept, posted from a worker, and looked into when
 * the tape is long gone. Everything that a step computed, the gradient of the loss by each of those things, and where each part
 * of the gradients by c and h came from.
 */
import type { FloatArray, Kernels } from '../contract/kernels.js';
import { type LossChoice, type LossSpec, lossTape, requireLoss } from '../core/losses.js';
import type { LstmState } from '../core/lstm/blocks.js';
import type { GivenState, LstmTape } from '../core/lstm/tape.js';
import type { Arena } from '../core/memory/parameters.js';
import { matrixOf } from '../core/memory/views.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import { columns, download, type Grid, grid } from './grid.js';
import { backwardTrace } from './lstm-backward.js';
import { forwardTrace, split, variantOf } from './lstm-forward.js';
import type { LstmTrace } from './lstm-trace.js';
import { oneSequence } from './one-sequence.js';
import { Replay } from './replay.js';

export interface TraceOptions {
  /** Which sequence of the batch. Default 0. */
  readonly row?: number;
  /** Default: `crossEntropy` before class targets (an Int32Array), else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** The state to start from: `{ h, c }` or null for each LSTM, in the order of `tape.lstms`. Default: their own. */
  readonly from?: readonly (GivenState | null)[] | null;
  /** dL/dh and dL/dc of the state that each LSTM ends with, where the loss goes on beyond the last step. Default: none. */
  readonly after?: readonly (GivenState | null)[] | null;
}

export interface Trace {
  readonly steps: number; // T
  /** Of this sequence alone: the mean over its own steps (or their sum, as the loss has it). */
  readonly loss: number;
  readonly lossSpec: LossSpec;
  /** The loss of each step of the output as if it were alone, unweighted; null for `ctc`, which has none by step. */
  readonly lossByStep: Float64Array | null;
  readonly input:
    | { readonly kind: 'tokens'; readonly ids: Int32Array }
    | { readonly kind: 'values'; readonly x: Grid; readonly grad: Grid }; // [T, D]
  /** All LSTMs, in the order of `tape.lstms`. */
  readonly layers: readonly LstmTrace[];
  /** The last layer's output, [steps, width], one step after `returns: 'last'`; logits for `crossEntropy`. */
  readonly output: Grid;
  readonly outputGrad: Grid;
  /** Softmax of the output, for `crossEntropy`. */
  readonly probabilities: Grid | null;
  readonly targets: Int32Array | Float64Array;
  /** How much each row of the output counts; null for once each. */
  readonly weights: Float64Array | null;
  /** Every parameter of the model by its name; a vector is a row. */
  readonly parameters: Readonly<Record<string, Grid>>;
  /** dL/d(each parameter), as `model.gradients` gives it for this sequence. */
  readonly gradients: Readonly<Record<string, Grid>>;
}

/**
 * One sequence of `batch`, forwards and backwards, with nothing dropped. What it gives can be cloned and posted. Throws
 * `INVALID_SETTING` for a row that is not there, and what `model.gradients` throws.
 */
export async function trace(model: Model, batch: Batch, options: TraceOptions = {}): Promise<Trace> {
  const k = model.kernels;
  const loss = options.loss ?? defaultLoss(batch);
  const one = oneSequence(model.spec, batch, options.row ?? 0, loss);
  const tape = model.tape({ steps: one.steps, batchSize: 1 });
  let gradients: Arena | null = null;
  try {
    gradients = model.arena();
    tape.begin(options.from ?? null);
    tape.forward(model.parameters, one.inputs);
    tape.measure(loss, one.targets, one.weights ?? null);
    const above = await backwards(model, tape, gradients, options.after ?? []);
    const { loss: laid } = tape;
    return {
      steps: one.steps,
      loss: (await k.download(laid!.value))[0]!,
      lossSpec: requireLoss(loss),
      lossByStep: await lossByStep(k, tape, loss, one.targets),
      input: await inputOf(k, tape),
      layers: await lstms(k, tape, model.parameters, above, options.after ?? []),
      output: await download(k, tape.layers.at(-1)!.y),
      outputGrad: await download(k, tape.layers.at(-1)!.dy!),
      probabilities: laid!.probabilities && (await download(k, laid!.probabilities)),
      targets: one.targets,
      weights: one.weights ? Float64Array.from(one.weights) : null,
      parameters: await gridsOf(model.parameters),
      gradients: await gridsOf(gradients),
    };
  } finally {
    tape.free();
    gradients?.free();
  }
}

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

/** The layers' backward passes one by one; what each LSTM got from above is copied before its own pass adds to it. */
async function backwards(
  model: Model,
  tape: Tape,
  gradients: Arena,
  after: readonly (GivenState | null)[],
): Promise<Map<LstmTape, Grid>> {
  const k = model.kernels;
  const beyond = tape.lstms.map((layer, i) => beyondOf(k, layer, after[i] ?? null));
  for (const [i, layer] of tape.lstms.entries()) layer.after = beyond[i]!;
  const above = new Map<LstmTape, Grid>();
  tape.loss!.backward();
  for (const layer of [...tape.layers].reverse()) {
    if (layer.kind === 'lstm') above.set(layer, spread(layer, await download(k, layer.dy!)));
    if (layer.kind === 'bidirectional') {
      const both = await download(k, layer.dy!);
      const R = both.cols / 2;
      above.set(layer.forwards, spread(layer.forwards, columns(both, 0, R)));
      above.set(layer.backwards, spread(layer.backwards, columns(both, R, R)));
    }
    layer.backward(model.parameters, gradients);
  }
  for (const state of beyond) if (state) for (const m of [state.h, state.c]) k.free(m);
  return above;
}

function beyondOf(k: Kernels, layer: LstmTape, given: GivenState | null): LstmState | null {
  if (!given) return null;
  const { h, c } = layer.finalState();
  const state = { h: k.alloc(1, h.cols), c: k.alloc(1, c.cols) };
  k.upload(state.h, given.h);
  k.upload(state.c, given.c);
  return state;
}

/** With `returns: 'last'` only the state that it ended with gets anything from above. */
function spread(layer: LstmTape, dy: Grid): Grid {
  const { steps: T } = layer.shape;
  if (dy.rows === T) return dy;
  const all = grid(T, dy.cols, new (dy.data.constructor as Float64ArrayConstructor)(T * dy.cols));
  all.data.set(dy.data, layer.reverse ? 0 : (T - 1) * dy.cols);
  return all;
}

async function lstms(
  k: Kernels,
  tape: Tape,
  parameters: Arena,
  above: ReadonlyMap<LstmTape, Grid>,
  after: readonly (GivenState | null)[],
): Promise<LstmTrace[]> {
  const traces: LstmTrace[] = [];
  const numbers = await parameters.download();
  for (const [i, layer] of tape.lstms.entries()) {
    const forward = await forwardTrace(k, layer, variantOf(layer));
    const replay = new Replay(layer, forward, parameters, numbers);
    const a = split(replay.preactivations(await download(k, layer.gates)), forward.hiddenSize);
    const arriving = { above: above.get(layer)!, after: after[i] ?? null };
    traces.push({ ...forward, a, grad: await backwardTrace(k, layer, forward, replay, arriving) });
  }
  return traces;
}

/** Each row of the output by itself, through the same loss. */
async function lossByStep(
  k: Kernels,
  tape: Tape,
  choice: LossChoice,
  targets: ArrayLike<number> & { slice(from: number, to: number): FloatArray | Int32Array },
): Promise<Float64Array | null> {
  const { y } = tape.layers.at(-1)!;
  if (requireLoss(choice).kind === 'ctc') return null;
  const width = targets.length / y.rows;
  const row = k.alloc(1, y.cols);
  const room = lossTape(k, choice, row, null, { steps: 1, batchSize: 1 });
  const found = new Float64Array(y.rows);
  for (let r = 0; r < y.rows; r++) {
    k.copy(row, k.view(y, r * y.cols, 1, y.cols));
    room.forward(targets.slice(r * width, (r + 1) * width));
    found[r] = (await k.download(room.value))[0]!;
  }
  room.free();
  k.free(row);
  return found;
}
