/** Sources of batches as plain data, which a worker can be sent and make the same source of again. */

import type { Batch } from '../core/model.js';
import { invalidData, isKeyOf, shown } from '../errors.js';
import type { BatchSource, SourceDescription } from './source.js';
import { TextStreams } from './text.js';

/** From a description, without its `kind`, to the source. */
export type SourceMaker = (parts: Readonly<Record<string, unknown>>) => BatchSource;

const textStreams = (parts: object): BatchSource => {
  const { tokens, batchSize, steps, partial, from } = parts as ReturnType<TextStreams['describe']>;
  return new TextStreams(tokens, batchSize, steps, partial, from);
};

const batches = (parts: object): BatchSource => {
  const { stateful, list } = parts as { stateful: boolean; list: readonly Batch[] };
  return { stateful, length: list.length, batch: (index) => list[index]! };
};

const SOURCES: Readonly<Record<string, SourceMaker>> = { textStreams, batches };

/**
 * What `source` says it is; one that says nothing is described by all its batches, if their order is always the same.
 * Throws `INVALID_DATA` for one that shuffles them by a function of its own.
 */
export function describeSource(source: BatchSource): SourceDescription {
  if (source.describe) return source.describe();
  if (!source.shuffled) {
    const list = Array.from({ length: source.length }, (_, index) => source.batch(index));
    return { kind: 'batches', stateful: source.stateful, list };
  }
  throw invalidData(
    'data',
    'a source that shuffles its batches by a function of its own cannot be sent to a worker.',
    'Leave `shuffled` out, or give it a describe() and its maker to serve({sources}) in a worker file of your own.',
  );
}

/** The source that `describeSource` described; `more` makes further kinds. Throws `INVALID_DATA` for an unknown one. */
export function createSource(
  { kind, ...parts }: SourceDescription,
  more: Readonly<Record<string, SourceMaker>> = {},
): BatchSource {
  const makers = { ...SOURCES, ...more };
  if (isKeyOf(makers, kind)) return makers[kind]!(parts);
  throw invalidData(
    'data',
    `${shown(kind)} is no source of batches that is known here.`,
    `Known are ${Object.keys(makers).join(', ')}; a worker file of your own adds more by serve({sources}).`,
  );
}
