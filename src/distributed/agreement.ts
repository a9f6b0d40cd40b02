/** What all ranks must have in common, and what they say to each other about errors. */
import { shown } from '../checks.js';
import { invalidSetting, type UnspoolError } from '../errors.js';
import { type Communicator, rankLost } from './communicator.js';

/** The texts of all ranks, in their order. */
export async function textsOf(communicator: Communicator, text: string): Promise<string[]> {
  const own = new TextEncoder().encode(text);
  const lengths = new Int32Array(communicator.size);
  await communicator.allGather(Int32Array.of(own.length), lengths);
  const longest = Math.max(...lengths);
  const [part, all] = [new Uint8Array(longest), new Uint8Array(longest * communicator.size)];
  part.set(own);
  await communicator.allGather(part, all);
  const decoder = new TextDecoder();
  return Array.from(lengths, (length, rank) => decoder.decode(all.subarray(rank * longest, rank * longest + length)));
}

/** Throws `INVALID_SETTING` on all ranks, with the first difference, unless all have the same values. */
export async function requireAgreement(
  communicator: Communicator,
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  const texts = await textsOf(communicator, JSON.stringify(values));
  const [first, ...others] = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  for (const [i, other] of others.entries()) {
    for (const name of new Set([...Object.keys(first!), ...Object.keys(other)])) {
      const [a, b] = [first![name], other[name]];
      if (JSON.stringify(a) === JSON.stringify(b)) continue;
      const problem = `is ${shown(b)} on rank ${i + 1} and ${shown(a)} on rank 0.`;
      throw invalidSetting(name, problem, 'Start all ranks with the same program, data, settings and backend.');
    }
  }
}

/** What a rank says about its part of an update before the others rely on it. */
export interface Report {
  /** What went wrong on this rank; null if all is well. */
  readonly error: unknown;
  /** Whether this rank was asked to stop. */
  readonly isStopping: boolean;
  /** Numbers that must be the same on all ranks, by name. */
  readonly same: Readonly<Record<string, number>>;
  /** Numbers that all ranks receive. */
  readonly numbers: readonly number[];
}

/**
 * Exchanges reports: the numbers of all ranks, and whether any rank is stopping. Throws this rank's own error, else a `RANK_LOST` with
 * that of the first rank that has one, and `RANK_LOST` where numbers differ that must be the same.
 */
export async function exchangeReports(
  communicator: Communicator,
  { error, isStopping, same, numbers }: Report,
): Promise<{ readonly isStopping: boolean; readonly numbers: Float64Array }> {
  const { size } = communicator;
  const names = Object.keys(same);
  const own = Float64Array.of(error === null ? 0 : 1, isStopping ? 1 : 0, ...Object.values(same), ...numbers);
  const all = new Float64Array(own.length * size);
  await communicator.allGather(own, all);
  const at = (rank: number, i: number): number => all[rank * own.length + i]!;
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  const failed = ranks.find((rank) => at(rank, 0) !== 0);
  if (failed !== undefined) {
    const messages = await textsOf(communicator, error === null ? '' : messageOf(error));
    throw error ?? rankLost(`rank ${failed} failed: ${messages[failed]}`);
  }
  for (const [i, name] of names.entries()) {
    const other = ranks.find((rank) => at(rank, 2 + i) !== at(0, 2 + i));
    if (other !== undefined) throw differs(name, other);
  }
  const first = 2 + names.length;
  return {
    isStopping: ranks.some((rank) => at(rank, 1) !== 0),
    numbers: Float64Array.from(ranks.flatMap((rank) => numbers.map((_, i) => at(rank, first + i)))),
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const differs = (name: string, rank: number): UnspoolError =>
  rankLost(
    `rank ${rank} has another ${name} than rank 0.`,
    'Give all ranks the same data in the same order: each takes its own rows of every batch.',
  );
