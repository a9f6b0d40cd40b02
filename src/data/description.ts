/** Descriptions of batch sources: plain data from which a worker creates the same source. */

import { isKeyOf, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import { invalidData } from '../errors.js';
import { EncodedWindows, type WindowParts } from './series/encoded-windows.js';
import { type BatchSource, copyOfSource, type SourceDescription } from './source.js';
import { TextStreams } from './text.js';

/** Creates a source from the parts of its description, that is, without `kind`. */
export type SourceMaker = (parts: Readonly<Record<string, unknown>>) => BatchSource;

const textStreams = (parts: object): BatchSource => {
  const { tokens, batchSize, steps, partial, from } = parts as ReturnType<TextStreams['describe']>;
  return new TextStreams(tokens, batchSize, steps, partial, from);
};

const batches = (parts: object): BatchSource => {
  const { stateful, list } = parts as { stateful: boolean; list: readonly Batch[] };
  return { stateful, length: list.length, batch: (index) => list[index]! };
};

const windows = (parts: object): BatchSource => new EncodedWindows(parts as WindowParts);

const SOURCES: Readonly<Record<string, SourceMaker>> = { textStreams, batches, windows };

/**
 * Returns the source's own description or, if it has none, one that lists all its batches. `copied` receives each batch as soon
 * as it is read, because a source may refill its arrays. Throws `INVALID_DATA` for a source that has `shuffled` but no `describe`,
 * and for one without an end.
 */
export function describeSource(
  given: BatchSource,
  copied: (batch: Batch, index: number) => unknown = (batch) => batch,
): SourceDescription {
  const source = copyOfSource('data', given, true);
  if (source.describe) return source.describe();
  if (!source.shuffled) {
    if (source.length === Number.POSITIVE_INFINITY) {
      const help = 'Use a source with an end, or add describe() and pass a maker for its kind to serve({sources}).';
      throw invalidData('data', 'cannot be sent to a worker: its length is Infinity.', help);
    }
    const list = Array.from({ length: source.length }, (_, index) => copied(source.batch(index), index));
    return { kind: 'batches', stateful: source.stateful, list };
  }
  throw invalidData(
    'data',
    'a source with `shuffled` but without `describe` cannot be sent to a worker.',
    'Remove `shuffled`, or add describe() and pass a maker for its kind to serve({sources}) in your own worker file.',
  );
}

/** Creates a source from its description. `more` adds makers for other kinds. Throws `INVALID_DATA` for an unknown kind. */
export function createSource(
  { kind, ...parts }: SourceDescription,
  more: Readonly<Record<string, SourceMaker>> = {},
): BatchSource {
  const makers = { ...SOURCES, ...more };
  if (isKeyOf(makers, kind)) return makers[kind]!(parts);
  throw invalidData(
    'data',
    `unknown kind of batch source ${shown(kind)}.`,
    `Known kinds: ${Object.keys(makers).join(', ')}. To add others, pass their makers to serve({sources}) in your own worker file.`,
  );
}
