/** A model that runs one time step at a time. */
import { requireInteger } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { invalidSetting } from '../errors.js';
import type { Arena } from './memory/parameters.js';
import type { FinalState } from './start-state.js';
import type { StartState, Tape } from './tape.js';

const MAX_ROWS = 1 << 24;

const NONE: readonly number[] = [];

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * Runs a model one time step at a time and keeps the state of each sequence between the calls. Made by `model.stream()`.
 *
 * Calls take effect in order, without waiting for the results of earlier ones. A step reads the weights as they are at the call, in
 * all layers, so a stream continues with the new weights after an update.
 */
export class Stream {
  private readonly parameters: Arena;
  private readonly allocate: (batchSize: number) => Tape;
  private tape: Tape;
  /** The sequences that start from the model's initial state in the next step. */
  private fresh: readonly number[];

  /** @param allocate makes a tape of one step for so many sequences. */
  constructor(parameters: Arena, allocate: (batchSize: number) => Tape, batchSize: number) {
    this.parameters = parameters;
    this.allocate = allocate;
    this.tape = allocate(batchSize);
    this.fresh = upTo(batchSize);
  }

  /** Number of sequences. */
  get batchSize(): number {
    return this.tape.shape.batchSize;
  }

  /** Feeds one time step: N tokens, or N rows of inputSize values. Returns a copy of the output, N * outputSize numbers. */
  step(inputs: ArrayLike<number>): Promise<FloatArray> {
    const { tape } = this;
    try {
      this.start();
      tape.begin(tape);
      tape.forwardPacked(this.parameters, inputs);
      this.fresh = NONE;
      const output = tape.downloadOutput();
      const relief = tape.relief();
      return relief ? relief.then(() => output) : output; // without a promise more, which an async function makes
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Copies of the state of each LSTM, bottom first. `restore`, and `from` of other calls, accept them. */
  async state(): Promise<readonly FinalState[]> {
    this.start();
    return this.tape.downloadStates();
  }

  /**
   * Continues from a state: what `state()`, `predict` or another stream returned, or null for the initial state. Throws
   * `INVALID_SETTING`, `INVALID_DATA` or `SHAPE_MISMATCH`, and then keeps the state that it has.
   */
  restore(state: StartState): void {
    this.tape.begin(state);
    for (const layer of this.tape.lstms) layer.endAtStart(this.parameters);
    this.fresh = NONE;
  }

  /** Resets all sequences to the initial state. */
  reset(): void {
    this.tape.requireOpen();
    this.fresh = upTo(this.batchSize);
  }

  /** Adds sequences after the last one, which start from the initial state. The others keep their states. */
  addRows(count: number): void {
    const { batchSize, fresh } = this;
    this.tape.requireOpen();
    requireInteger('count', count, 1, MAX_ROWS - batchSize);
    const added = upTo(count).map((i) => batchSize + i);
    this.take([...upTo(batchSize), ...added.map(() => 0)]);
    this.fresh = [...fresh, ...added];
  }

  /** Removes sequences. The others keep their order and states. At least one must be left; `dispose` ends the stream. */
  removeRows(indices: readonly number[]): void {
    const { batchSize, fresh } = this;
    this.tape.requireOpen();
    if (!Array.isArray(indices)) throw invalidSetting('indices', 'must be a list of row numbers.');
    for (const [i, row] of indices.entries()) requireInteger(`indices[${i}]`, row, 0, batchSize - 1);
    const removed = new Set<number>(indices);
    const kept = upTo(batchSize).filter((row) => !removed.has(row));
    if (removed.size < indices.length) throw invalidSetting('indices', 'must not contain a number twice.');
    if (kept.length === 0)
      throw invalidSetting('indices', 'must leave at least one row.', 'End the stream with dispose().');
    if (kept.length === batchSize) return;
    this.take(kept);
    const waiting = new Set(fresh);
    this.fresh = upTo(kept.length).filter((row) => waiting.has(kept[row]!));
  }

  /** Frees the memory. A second call does nothing; every other call throws `DISPOSED`. */
  dispose(): void {
    this.tape.free({ what: 'The stream', help: 'Make a new one with model.stream().' });
  }

  /** Gives the fresh sequences the initial state. */
  private start(): void {
    const { tape, parameters, fresh } = this;
    tape.requireOpen();
    parameters.startPass();
    if (fresh.length > 0) for (const layer of tape.lstms) layer.restart(parameters, fresh);
  }

  /** Replaces the sequences by those with the given numbers. */
  private take(rows: readonly number[]): void {
    const { tape } = this;
    const next = this.allocate(rows.length);
    const numbers = Int32Array.from(rows);
    for (const [i, layer] of next.lstms.entries()) layer.takeRows(tape.lstm(i), numbers);
    this.tape = next;
    tape.free();
  }
}
