/** What `model.predict` accepts and returns, and how results are read of a tape. */
import type { FloatArray } from '../contract/kernels.js';
import { toBatchFirst } from './layout.js';
import { type NdArray, ownArray } from './memory/views.js';
import type { FinalState } from './start-state.js';
import type { StartState, Tape } from './tape.js';

/** Options of `model.predict`. `From` is what a pass can start from. */
export interface PredictOptions<From = StartState> {
  /** Number of sequences. Default 1. */
  readonly batchSize?: number;
  /** The state to start from. Default: zero, or the learned states. */
  readonly from?: From;
  /** Steps of each sequence. Default: all have the same. */
  readonly lengths?: ArrayLike<number>;
  /** Inputs and output are ordered by sequence, [N, T, ...]. Default false. */
  readonly batchFirst?: boolean;
  /** Also return the tape, with all gates and states, which you free. Default false. */
  readonly tape?: boolean;
}

/** The result of `model.predict`: copies, which stay valid and need not be freed. */
export interface Prediction {
  /**
   * The output, [steps, N, outputSize] ([N, steps, outputSize] with `batchFirst`); steps is 1 after `returns: 'last'`. After
   * a linear layer, these are logits. `data` is a typed array in the order of `shape`.
   */
  readonly output: NdArray<FloatArray, number[][][]>;
  /** The final state of each LSTM, bottom first. To continue from it, pass it as `from` to the next call. */
  readonly state: readonly FinalState[];
}

/** Copies of the output and the final states of a pass. All reads start before the first await. */
export async function readPrediction(tape: Tape, batchFirst: boolean): Promise<Prediction> {
  const [values, state] = await Promise.all([tape.downloadOutput(), tape.downloadStates()]);
  const [steps, batchSize, width] = tape.outputShape;
  if (!batchFirst) return { output: ownArray(values, [steps, batchSize, width]), state };
  return { output: ownArray(toBatchFirst(values, steps, batchSize), [batchSize, steps, width]), state };
}

/** Waits for what is read of a tape, and frees the tape, unless it is returned or was given. */
export async function readAndFree<R extends object>(
  tape: Tape,
  reading: Promise<R>,
  keep: boolean | 'given',
): Promise<R & { tape?: Tape }> {
  let kept = keep === 'given';
  try {
    const result = await reading;
    const relief = keep === true ? tape.relief() : null;
    if (relief) await relief;
    kept ||= keep === true;
    return keep ? { ...result, tape } : result;
  } finally {
    if (!kept) tape.free();
  }
}
