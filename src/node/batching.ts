/** Calls of `model.predict` that are made at about the same time, as one batch. */
import { isPlainObject, requireInteger, requireList, requireOptions, shown } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { Model } from '../core/model.js';
import { invalidSetting } from '../errors.js';

/** The state of each LSTM of one sequence, bottom first. */
export type SequenceState = readonly { readonly h: ArrayLike<number>; readonly c: ArrayLike<number> }[];

/** The result of one sequence of a batch. */
export interface SequencePrediction {
  /** [steps, outputSize], row by row. */
  readonly output: FloatArray;
  /** The final state, to pass as `from` to the next call. */
  readonly state: readonly { readonly h: FloatArray; readonly c: FloatArray }[];
}

/** Predicts one sequence: tokens [T] or values [T, inputSize], from zero, the learned states or `from`. */
export type PredictSequence = (
  inputs: ArrayLike<number>,
  options?: { readonly from?: SequenceState },
) => Promise<SequencePrediction>;

interface Call {
  readonly inputs: readonly number[];
  readonly from: readonly { readonly h: readonly number[]; readonly c: readonly number[] }[] | null;
  readonly done: (result: SequencePrediction) => void;
  readonly fail: (error: unknown) => void;
}

/** Row n of N rows, copied. */
const rowOf = (values: FloatArray, n: number, N: number): FloatArray =>
  values.slice((n * values.length) / N, ((n + 1) * values.length) / N);

function copyOf(from: SequenceState): NonNullable<Call['from']> {
  if (!Array.isArray(from) || !from.every(isPlainObject)) {
    throw invalidSetting('from', 'must be the state of an earlier prediction.');
  }
  return (from as unknown as SequenceState).map(({ h, c }, i) => {
    requireList(`from[${i}].h`, h);
    requireList(`from[${i}].c`, c);
    return { h: Array.from(h), c: Array.from(c) };
  });
}

/** Calls that one batch can compute: as many steps, and all from a state or none. */
const keyOf = ({ inputs, from }: Call): string => `${inputs.length} ${from?.map(({ h, c }) => [h.length, c.length])}`;

async function predictTogether(model: Model, calls: readonly Call[]): Promise<SequencePrediction[]> {
  const N = calls.length;
  const inputs = calls.flatMap((call) => call.inputs);
  const from = calls[0]!.from?.map((_, i) => {
    const all = (part: 'h' | 'c'): number[] => calls.flatMap((call) => call.from![i]![part]);
    return { h: all('h'), c: all('c') };
  });
  const { output, state } = await model.predict(inputs, { batchSize: N, batchFirst: true, ...(from && { from }) });
  return calls.map((_, n) => ({
    output: rowOf(output.data, n, N),
    state: state.map(({ h, c }) => ({ h: rowOf(h, n, N), c: rowOf(c, n, N) })),
  }));
}

/**
 * Returns a function that predicts single sequences. Calls that wait at the same time, such as requests of a server, are computed as
 * one batch of at most `mostRows` sequences (default 256) of equal length; each gets the same bits as alone. A call that is invalid
 * rejects alone. Throws `INVALID_SETTING`.
 *
 * @example
 * const predict = batching(model);
 * const { output, state } = await predict([token], { from: stateOfTheClient });
 */
export function batching(model: Model, options: { readonly mostRows?: number } = {}): PredictSequence {
  requireOptions('options', options, ['mostRows']);
  const { mostRows = 256 } = options;
  requireInteger('mostRows', mostRows, 1, 1 << 16);
  if (!(model instanceof Model)) throw invalidSetting('model', `must be a model, got ${shown(model)}.`);
  let waiting: Call[] = [];
  let isRunning = false;

  const compute = async (calls: readonly Call[]): Promise<void> => {
    try {
      const results = await predictTogether(model, calls);
      calls.forEach((call, n) => void call.done(results[n]!));
    } catch (error) {
      if (calls.length === 1) calls[0]!.fail(error);
      else for (const call of calls) await compute([call]); // only the invalid ones fail
    }
  };
  const computeAll = async (): Promise<void> => {
    await new Promise((done) => setImmediate(done)); // other requests that have arrived are read first
    while (waiting.length > 0) {
      const key = keyOf(waiting[0]!);
      const calls = waiting.filter((call) => keyOf(call) === key).slice(0, mostRows);
      const taken = new Set(calls);
      waiting = waiting.filter((call) => !taken.has(call));
      await compute(calls);
    }
    isRunning = false;
  };
  return async (inputs, given = {}) => {
    requireList('inputs', inputs);
    requireOptions('options', given, ['from']);
    const from = given.from === undefined ? null : copyOf(given.from);
    return new Promise<SequencePrediction>((done, fail) => {
      waiting.push({ inputs: Array.from(inputs), from, done, fail });
      if (isRunning) return;
      isRunning = true;
      void computeAll();
    });
  };
}
