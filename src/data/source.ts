/** The contract of training and validation data: batches by number. */
import { isFunction, isObject, isPlainObject, requireKeys, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import type { Rng } from '../core/rng.js';
import { invalidData } from '../errors.js';

/** A batch source as plain data, from which a worker creates the same source. */
export interface SourceDescription {
  /** The name of a source maker (see `createSource`). */
  readonly kind: string;
  readonly [part: string]: unknown;
}

/** A numbered list of batches, for training or validation. */
export interface BatchSource {
  /**
   * Whether batch k+1 continues the sequences of batch k, row by row, so that the model's state is carried over. Default
   * false.
   */
  readonly stateful?: boolean;
  /** The number of batches, at least 1. Infinity for training data without an end. */
  readonly length: number;
  /** Returns batch `index`, from 0 to `length - 1`. It is read before the next call, so that its arrays may be reused. */
  batch(index: number): Batch;
  /** Returns the batches of one epoch, in another order or cut differently. Default: the same batches in every epoch. */
  shuffled?(rng: Rng): BatchSource;
  /** Returns a description that a worker can rebuild the source from. Default: all batches, if `shuffled` is missing. */
  describe?(): SourceDescription;
}

const KEYS = ['stateful', 'length', 'batch', 'shuffled', 'describe'];

/**
 * The source as it is now, with checks of what its methods return: what the caller does to its properties afterwards has no
 * effect. Throws `INVALID_DATA` unless it is a source with batches, and `INVALID_SETTING` for an unknown property.
 * `isEndless`: `length` may be `Infinity`.
 */
export function copyOfSource(path: string, source: BatchSource, isEndless: boolean): BatchSource {
  if (!isObject(source) || !isFunction(source.batch)) {
    const help = Array.isArray(source)
      ? 'For a list: { length: list.length, batch: (index) => list[index] }.'
      : undefined;
    throw invalidData(path, `must be a batch source { length, batch(index) }, got ${shown(source)}.`, help);
  }
  // A class may have more properties; in an object, another one is a slip.
  if (isPlainObject(source)) requireKeys(path, source, KEYS);
  const { stateful = false, length, batch, shuffled, describe } = source as BatchSource;
  if (typeof stateful !== 'boolean') {
    throw invalidData(`${path}.stateful`, `must be true or false, got ${shown(stateful)}.`);
  }
  for (const [name, method] of Object.entries({ shuffled, describe })) {
    if (method === undefined || isFunction(method)) continue;
    throw invalidData(`${path}.${name}`, `must be a function, got ${shown(method)}.`);
  }
  requireLength(`${path}.length`, length, isEndless);
  return {
    stateful,
    length,
    batch: (index) => requireBatchObject(`${path}.batch(${index})`, batch.call(source, index)),
    ...(shuffled && { shuffled: (rng) => copyOfSource(`${path}.shuffled()`, shuffled.call(source, rng), isEndless) }),
    ...(describe && { describe: () => describe.call(source) }),
  };
}

function requireLength(path: string, length: unknown, isEndless: boolean): void {
  const isCount = Number.isSafeInteger(length) && (length as number) >= 1;
  if (isCount || (isEndless && length === Number.POSITIVE_INFINITY)) return;
  throw invalidData(
    path,
    `must be the number of batches, an integer of at least 1, got ${shown(length)}.`,
    length === Number.POSITIVE_INFINITY ? 'Only training data may be endless.' : undefined,
  );
}

function requireBatchObject(what: string, batch: unknown): Batch {
  const isPromise = isObject(batch) && typeof batch.then === 'function';
  if (isObject(batch) && !isPromise) return batch as unknown as Batch;
  const found = isPromise ? 'a promise' : shown(batch);
  const help = isPromise ? 'Load the data before the training.' : undefined;
  throw invalidData(what, `must be a batch { steps, batchSize, inputs, targets }, got ${found}.`, help);
}
