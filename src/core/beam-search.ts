/** Beam search: the likeliest continuation that a model finds, in contrast to a random one. */
import { requireInteger, requireKeys, requireLogits, requireTokens } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { invalidData } from '../errors.js';
import { requireTokenModel } from './generate.js';
import type { Model } from './model.js';
import { requireModel } from './require-model.js';
import type { FinalState } from './start-state.js';

/** Options of `beamSearch`. */
export interface BeamSearchOptions {
  /** Number of sequences that are followed, from 1 (the likeliest token each time) to 1024. Default 4. */
  readonly beams?: number;
  /** Number of tokens of each sequence, from 1 to 1,000,000. Default 100. */
  readonly length?: number;
}

/** A sequence of tokens that `beamSearch` found. */
export interface Beam {
  readonly tokens: readonly number[];
  /** The logarithm of the probability of all its tokens after the prompt. */
  readonly logProbability: number;
}

/** A sequence while it grows: the row of the stream that it continues, and its tokens as a list from the last one back. */
interface Open {
  readonly row: number;
  readonly logProbability: number;
  readonly last: Link | null;
}
interface Link {
  readonly token: number;
  readonly before: Link | null;
}

function logSum(logits: FloatArray, from: number, to: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) max = Math.max(max, logits[i]!);
  let sum = 0;
  for (let i = from; i < to; i++) sum += Math.exp(logits[i]! - max);
  return max + Math.log(sum);
}

/** The likeliest continuations of all sequences by one token. Of equal ones, the first sequence and the lowest token. */
function extended(open: readonly Open[], logits: FloatArray, size: number, beams: number): Open[] {
  const all = open.flatMap(({ row, logProbability, last }) => {
    const norm = logSum(logits, row * size, (row + 1) * size);
    return Array.from({ length: size }, (_, token) => ({
      ...{ row, last, token },
      logProbability: logProbability + logits[row * size + token]! - norm,
    }));
  });
  return all
    .filter((one) => one.logProbability > Number.NEGATIVE_INFINITY)
    .sort((a, b) => b.logProbability - a.logProbability)
    .slice(0, beams)
    .map(({ row, last, token, logProbability }) => ({ row, logProbability, last: { token, before: last } }));
}

/** The states of the rows that the sequences continue. */
function statesOf(states: readonly FinalState[], rows: readonly number[], batchSize: number): FinalState[] {
  const take = (values: FloatArray): FloatArray => {
    const width = values.length / batchSize;
    const copy = values.slice();
    for (const [to, from] of rows.entries()) copy.set(values.subarray(from * width, (from + 1) * width), to * width);
    return copy;
  };
  return states.map(({ h, c }) => ({ h: take(h), c: take(c) }));
}

function tokensOf(last: Link | null): number[] {
  const tokens: number[] = [];
  for (let link = last; link; link = link.before) tokens.push(link.token);
  return tokens.reverse();
}

/**
 * Returns up to `beams` continuations of `prompt` (at least one token), the likeliest first. At each step, it keeps those of all
 * continuations by one token that are likeliest so far. The model must start with an embedding and return logits over the same tokens. Likely
 * texts repeat themselves; for varied ones, use `generate`. Throws `INVALID_SETTING` and `INVALID_DATA`.
 */
export async function beamSearch(
  model: Model,
  prompt: ArrayLike<number>,
  options: BeamSearchOptions = {},
): Promise<Beam[]> {
  requireModel(model);
  const { size } = requireTokenModel(model);
  requireTokens('prompt', prompt, size);
  if (prompt.length === 0) throw invalidData('prompt', 'is empty.', 'Pass at least one token.');
  requireKeys('options', options, ['beams', 'length']);
  const { beams = 4, length = 100 } = options;
  requireInteger('beams', beams, 1, 1024);
  requireInteger('length', length, 1, 1_000_000);
  const stream = model.stream(beams);
  const stepWith = async (tokens: number[]): Promise<FloatArray> => {
    const logits = await stream.step(tokens);
    requireLogits('logits', logits, size);
    return logits;
  };
  try {
    let logits: FloatArray = new Float32Array(0);
    for (const token of Array.from(prompt)) logits = await stepWith(new Array<number>(beams).fill(token));
    let open: Open[] = [{ row: 0, logProbability: 0, last: null }];
    for (let i = 0; i < length; i++) {
      open = extended(open, logits, size, beams);
      if (i === length - 1) break;
      stream.restore(
        statesOf(
          await stream.state(),
          open.map(({ row }) => row),
          beams,
        ),
      );
      // Rows without a sequence compute the first one again.
      const tokens = Array.from({ length: beams }, (_, row) => (open[row] ?? open[0]!).last!.token);
      open = open.map((one, row) => ({ ...one, row }));
      logits = await stepWith(tokens);
    }
    return open.map(({ last, logProbability }) => ({ tokens: tokensOf(last), logProbability }));
  } finally {
    stream.dispose();
  }
}
