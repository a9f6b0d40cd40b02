/** The calling side of a stream in a worker. */
import type { FloatArray } from '../contract/kernels.js';
import { type FinalState, finalStates } from '../core/start-state.js';
import { type Connection, newId } from './connection.js';
import { freeWhenDropped } from './dropped.js';
import type { Operation, WorkerOperations } from './protocol.js';
import { startOf, type WorkerStart } from './states.js';

type Rest<K extends Operation> = Parameters<WorkerOperations[K]> extends [number, ...infer R] ? R : never;

/**
 * Runs a model in a worker one time step at a time and keeps the state of each sequence, as `Stream`. Use `model.stream()`. Calls
 * take effect in order. A stream that is dropped without `dispose()` is freed in the worker some time later.
 */
export class WorkerStream {
  private readonly connection: Connection;
  private readonly id = newId();
  private readonly opened: Promise<void>;
  private rows: number;

  /** Use `model.stream()`. */
  constructor(connection: Connection, batchSize: number) {
    const { id } = this;
    this.connection = connection;
    this.rows = batchSize;
    this.opened = connection.call('openStream', id, batchSize);
    this.opened.catch(() => {}); // thrown by the first call
    freeWhenDropped(this, connection, 'closeStream', id);
  }

  /** Number of sequences, after all `addRows` and `removeRows` that have resolved. */
  get batchSize(): number {
    return this.rows;
  }

  /** Feeds one time step: N tokens, or N rows of inputSize values. Returns the output, N * outputSize numbers. */
  step(inputs: ArrayLike<number>): Promise<FloatArray> {
    return this.call('step', inputs);
  }

  /** Copies of the state of each LSTM, bottom first. */
  async state(): Promise<readonly FinalState[]> {
    return finalStates(await this.call('streamState'));
  }

  /** Continues from a state, or from the initial state (null). */
  async restore(state: WorkerStart): Promise<void> {
    await this.call('restoreStream', state === undefined ? undefined : startOf(state));
  }

  /** Resets all sequences to the initial state. */
  async reset(): Promise<void> {
    await this.call('resetStream');
  }

  /** Adds sequences after the last one, which start from the initial state. */
  async addRows(count: number): Promise<void> {
    this.rows = await this.call('addRows', count);
  }

  /** Removes sequences. The others keep their order and states. */
  async removeRows(indices: readonly number[]): Promise<void> {
    this.rows = await this.call('removeRows', indices);
  }

  /** Frees the stream's memory in the worker. */
  dispose(): void {
    this.connection.call('closeStream', this.id).catch(() => {});
  }

  /** Rejects with the error of `model.stream()` if there was one. */
  private async call<K extends 'step' | 'streamState' | 'restoreStream' | 'resetStream' | 'addRows' | 'removeRows'>(
    operation: K,
    ...args: Rest<K>
  ): Promise<Awaited<ReturnType<WorkerOperations[K]>>> {
    const result = this.connection.call(operation, ...([this.id, ...args] as never));
    result.catch(() => {}); // thrown below
    await this.opened;
    return (await result) as Awaited<ReturnType<WorkerOperations[K]>>;
  }
}
