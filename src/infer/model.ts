/** A model of a file: its layers over one input, with the checks of what callers pass. */
import { failure, requireCount, setting, shown } from './errors.js';
import type { Content, Floats } from './file.js';
import { buildLayers, type Layer, type Pass, type Source } from './layers.js';
import type { Lstm } from './lstm.js';
import type { Block, Machine } from './machine.js';

/** One LSTM's state, row by row: h of N*R numbers and c of N*H, as lists that `JSON.stringify` and `structuredClone` keep. */
export interface LayerState {
  h: number[];
  c: number[];
}

/** The state of all LSTMs, bottom first (a bidirectional layer has two). */
export type State = LayerState[];

/** A state to start from: a `State`, or what the engine returned, with typed arrays. */
export type GivenState = readonly { readonly h: ArrayLike<number>; readonly c: ArrayLike<number> }[];

/** The options of `predict`, as in the engine. */
export interface InferOptions {
  /** Number of sequences N. Default 1. */
  readonly batchSize?: number;
  /** The state to start from. Default: the model's initial state. */
  readonly from?: GivenState;
  /** Valid steps of each sequence. Default: all have the same. */
  readonly lengths?: ArrayLike<number>;
  /** Inputs and output are ordered by sequence, [N, T, ...]. Default false. */
  readonly batchFirst?: boolean;
}

/** The result of `predict`. */
export interface InferPrediction {
  /** [steps, N, outputSize], or [N, steps, outputSize] with `batchFirst`; after a linear layer, these are logits. */
  readonly output: { readonly data: Floats; readonly shape: readonly number[] };
  /** The final state of each LSTM. */
  readonly state: State;
}

/** A model of a file, ready to predict. Made by `loadModel`. */
export interface InferModel {
  /** Width of an input row; 0 for a model that reads tokens. */
  readonly inputSize: number;
  readonly outputSize: number;
  /** Number of tokens; 0 for a model that reads numbers. */
  readonly tokens: number;
  /** The character of each token; null without a vocabulary. */
  readonly characters: readonly string[] | null;
  /** What the file says about the training. */
  readonly metadata: unknown;
  /** The state before the first step of `batchSize` sequences (default 1). Throws `INVALID_SETTING`. */
  initialState(batchSize?: number): State;
  /**
   * Computes one time step: `inputs` is one token or one row of inputSize numbers per sequence. Replaces the numbers in `state`, and
   * returns the output, N * outputSize numbers, which the next call overwrites. Allocates nothing after the first steps. Throws
   * `INVALID_SETTING`, also for a frozen state and a model that cannot run step by step, and `INVALID_DATA`.
   */
  step(state: State, inputs: ArrayLike<number>): Floats;
  /**
   * The output for whole sequences, and the final state. `inputs`: tokens [T, N] or values [T, N, inputSize], time-major
   * ([N, T, ...] with `batchFirst`). Returns copies. Throws `INVALID_SETTING` and `INVALID_DATA`.
   */
  predict(inputs: ArrayLike<number>, options?: InferOptions): InferPrediction;
}

const OPTIONS = ['batchSize', 'from', 'lengths', 'batchFirst'];

const data = (problem: string): Error => failure('INVALID_DATA', problem);

function requireOptions(options: InferOptions): void {
  const unknown = Object.keys(options ?? { null: 0 }).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) throw setting(`options.${unknown} is unknown.`, `Known: ${OPTIONS.join(', ')}.`);
}

/** The name of numbers in a message. `of`: the LSTM whose state they are. */
const nameOf = (name: string, of?: number): string => (of === undefined ? name : `${name} of state[${of}]`);

/**
 * Throws `INVALID_DATA` unless `values` are `count` numbers: finite ones, or integers from `least` to `most`. Makes
 * nothing before something is wrong, because a stream checks each step.
 */
function requireNumbers(
  name: string,
  values: ArrayLike<number>,
  count: number,
  of?: number,
  least?: number,
  most = 0,
): void {
  if (typeof values !== 'object' || values?.length !== count) {
    throw data(`${nameOf(name, of)} must have ${count} numbers, got ${shown(values?.length)}.`);
  }
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (least === undefined ? Number.isFinite(value) : Number.isInteger(value) && value >= least && value <= most)
      continue;
    const wanted = least === undefined ? 'finite' : `an integer from ${least} to ${most}`;
    throw data(`${nameOf(name, of)}[${i}] must be ${wanted}, got ${shown(value)}.`);
  }
}

/** Copies [A, B, width] as [B, A, width]. */
function swap(out: Floats, values: ArrayLike<number>, A: number, B: number, width: number): void {
  for (let a = 0; a < A; a++) {
    for (let b = 0; b < B; b++) {
      for (let j = 0; j < width; j++) out[(b * A + a) * width + j] = values[(a * B + b) * width + j]!;
    }
  }
}

function copy(to: { [i: number]: number }, from: ArrayLike<number>): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]!;
}

/**
 * A row, so many times, as a list that begins with a fraction: V8 keeps its numbers side by side. Numbers of a list with holes, as
 * flat() makes it, or of one that an iterator filled, are objects that each step would replace.
 */
function listOf(row: Floats, times = 1): number[] {
  const list = [0.5];
  for (let i = 0; i < times * row.length; i++) list[i] = row[i % row.length]!;
  return list;
}

/**
 * The rows of a state. Throws `INVALID_SETTING` or `INVALID_DATA` unless each LSTM has finite h and c of so many rows.
 * `isMissing`: of h and c; Object.isFrozen if they will be written.
 */
function rowsOf(state: GivenState, lstms: readonly Lstm[], isMissing: (list: unknown) => boolean): number {
  let fits = Array.isArray(state) && state.length === lstms.length;
  for (let i = 0; fits && i < lstms.length; i++) fits = !isMissing(state[i]?.h) && !isMissing(state[i]!.c);
  if (!fits) {
    throw setting(
      `The state must be a list of h and c of ${lstms.length} LSTMs, as initialState() returns, not frozen.`,
    );
  }
  const rows = (state[0]!.h.length / lstms[0]!.width) >>> 0 || 1; // an integer, which takes no memory
  for (let i = 0; i < lstms.length; i++) {
    requireNumbers('h', state[i]!.h, rows * lstms[i]!.width, i);
    requireNumbers('c', state[i]!.c, rows * lstms[i]!.hiddenSize, i);
  }
  return rows;
}

/** Runs the layers over one input, whose block and output are kept as long as the shape stays. */
function passOver(layers: readonly Layer[], lstms: readonly Lstm[], machine: Machine, width: number) {
  let pass: Pass = { steps: 0, rows: 0, lengths: null };
  let input!: Block;
  let last!: Source;
  return {
    /** The block for the inputs of T steps of N rows. */
    input(steps: number, rows: number, lengths: ArrayLike<number> | null): Block {
      if (pass.steps !== steps || pass.rows !== rows) {
        machine.reset();
        pass = { steps, rows, lengths };
        input = machine.allocate(steps * rows * width);
        last = { block: input, steps, ragged: true };
        for (const layer of layers) last = layer.allocate(last, pass);
      }
      pass.lengths = lengths;
      return input;
    },
    /** Runs from a state, which has been checked. */
    run(state: GivenState): Source {
      for (let i = 0; i < lstms.length; i++) {
        copy(lstms[i]!.h.data, state[i]!.h);
        copy(lstms[i]!.c.data, state[i]!.c);
      }
      for (let i = 0; i < layers.length; i++) layers[i]!.run();
      return last;
    },
  };
}

/** The model of a file, which `machine` computes. Throws `INVALID_FILE`. */
export function makeModel({ characters, metadata, ...content }: Content, machine: Machine): InferModel {
  const { layers, inputSize, tokens, outputSize } = buildLayers(content, machine);
  const lstms = layers.flatMap((layer) => layer.lstms);
  const whole = layers.findIndex((layer) => layer.whole);
  const pass = passOver(layers, lstms, machine, inputSize || 1);
  const requireInputs = (inputs: ArrayLike<number>, rows: number): void =>
    tokens > 0
      ? requireNumbers('inputs', inputs, rows, undefined, 0, tokens - 1)
      : requireNumbers('inputs', inputs, rows * inputSize);
  const initialState = (batchSize = 1): State => {
    requireCount('batchSize', batchSize);
    return lstms.map(({ initial }) => ({ h: listOf(initial.h, batchSize), c: listOf(initial.c, batchSize) }));
  };
  const step: InferModel['step'] = (state, inputs) => {
    if (whole >= 0) throw setting(`layers[${whole}] ${layers[whole]!.whole}.`, 'Pass whole sequences to predict().');
    const rows = rowsOf(state, lstms, Object.isFrozen);
    requireInputs(inputs, rows);
    copy(pass.input(1, rows, null).data, inputs);
    const { block } = pass.run(state);
    for (let i = 0; i < lstms.length; i++) {
      copy(state[i]!.h, lstms[i]!.h.data);
      copy(state[i]!.c, lstms[i]!.c.data);
    }
    return block.data;
  };
  const predict: InferModel['predict'] = (inputs, options = {}) => {
    requireOptions(options);
    const { batchSize: N = 1, from, lengths = null, batchFirst = false } = options;
    requireCount('batchSize', N);
    if (typeof batchFirst !== 'boolean') throw setting(`batchFirst must be true or false, got ${shown(batchFirst)}.`);
    const width = inputSize || 1;
    const T = inputs?.length / N / width;
    requireCount('steps', T);
    requireInputs(inputs, T * N);
    if (lengths) requireNumbers('lengths', lengths, N, undefined, 1, T);
    const start = from ?? initialState(N);
    const rows = rowsOf(start, lstms, (list) => !list);
    if (rows !== N) throw setting(`from has ${rows} rows, not ${N}.`);
    const { data: to } = pass.input(T, N, lengths);
    if (batchFirst) swap(to, inputs, N, T, width);
    else copy(to, inputs);
    const { block, steps } = pass.run(start);
    const output = block.data.slice();
    if (batchFirst) swap(output, block.data, steps, N, outputSize);
    const shape = batchFirst ? [N, steps, outputSize] : [steps, N, outputSize];
    return {
      output: { data: output, shape },
      state: lstms.map(({ h, c }) => ({ h: listOf(h.data), c: listOf(c.data) })),
    };
  };
  return { inputSize, outputSize, tokens, characters, metadata, initialState, step, predict };
}
