/** `unspool train --distributed mpi`: rank 0 reads, prints and writes; the others receive what they need and compute. */
import { type Communicator, type DistributedGradient, mpiRank } from '../../distributed/index.js';
import { deserializeModel, serializeModel, textStreams, UnspoolError } from '../../index.js';
import { revectorize } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput } from '../output.js';
import { stopOnSignal } from '../signals.js';
import { arithmeticOf } from './arithmetic.js';
import { backendOf } from './backend.js';
import { fitText } from './fit-text.js';
import type { TrainSettings } from './settings.js';
import { shardedGradient } from './shards.js';
import { type PlannedRun, type Run, streamsOf, type TrainFlags } from './start.js';

/** The options of the ranks. */
export interface RankFlags {
  readonly rankTimeout: number | undefined;
}

/** Shards of a training that does not say how many. */
const SHARDS = 8;

/** What rank 0 sends to the others. */
interface Shared {
  readonly settings: TrainSettings;
  readonly backend: string | undefined;
  readonly threads: number;
}

/** The command on one rank. `train` runs a plan with its files locked. Returns the exit code. */
export async function trainOnRank(
  options: TrainFlags & RankFlags,
  train: (prepare: (plan: PlannedRun) => Promise<Run>, options: TrainFlags) => Promise<number>,
): Promise<number> {
  const communicator = await mpiRank(options.rankTimeout === undefined ? {} : { timeout: options.rankTimeout });
  const flags = { ...options, threads: options.threads ?? 1 }; // ranks of one machine share its cores
  try {
    return communicator.rank > 0 ? await follow(communicator) : await lead(communicator, flags, train);
  } finally {
    await communicator.close();
  }
}

/** Rank 0: reads, prints and writes. Its errors reach all ranks, and it alone prints them. */
async function lead(
  communicator: Communicator,
  flags: TrainFlags,
  train: Parameters<typeof trainOnRank>[1],
): Promise<number> {
  let gradient: DistributedGradient | null = null;
  const prepare = async (plan: PlannedRun): Promise<Run> => {
    if (flags.backend === 'auto') {
      throw new UsageError('--backend auto cannot be combined with --distributed: ranks could choose different ones.');
    }
    const run = withShards(await plan.begin());
    const stop = new AbortController();
    const { settings, arithmetic } = run;
    const own = shardedGradient(settings, stop.signal, { ranks: communicator, arithmetic });
    await send(communicator, await packed(run, flags));
    gradient = own;
    return { ...run, shared: { gradient, stop } };
  };
  const end = async (error: unknown): Promise<void> => {
    if (gradient) await gradient.finish(error);
    else await send(communicator, new Uint8Array(0)); // nothing will come
  };
  try {
    const code = await train(prepare, flags);
    await end(null);
    return code;
  } catch (error) {
    await end(error);
    if (error instanceof UnspoolError && isLate(error)) warn(error); // ending MPI ends this process before main can print
    throw error;
  }
}

/** Whether other ranks have not answered in time. */
const isLate = ({ message }: UnspoolError): boolean => /has waited/.test(message);

const warn = ({ message }: UnspoolError): void => createOutput({ json: false, quiet: false }).warn(message);

function withShards(run: Run): Run {
  const shards = run.settings.shards || SHARDS;
  const { directory } = run;
  return {
    ...run,
    settings: run.resumed ? run.settings : { ...run.settings, shards },
    directory: directory && { ...directory, config: run.resumed ? directory.config : { ...directory.config, shards } },
  };
}

/** A header of settings, the text and the model with its training state, as bytes. */
async function packed({ settings, text, model, resumed, content }: Run, flags: TrainFlags): Promise<Uint8Array> {
  const header: Shared = { settings, backend: flags.backend, threads: flags.threads ?? 1 };
  const training = resumed?.training ?? null;
  const parts = [
    new TextEncoder().encode(JSON.stringify(header)),
    new TextEncoder().encode(content!), // several ranks never stream
    await serializeModel(model, { vocabulary: text.vocabulary, training }),
  ];
  const bytes = new Uint8Array(24 + parts.reduce((sum, { length }) => sum + length, 0));
  const lengths = new Float64Array(bytes.buffer, 0, 3);
  let at = 24;
  parts.forEach((part, i) => {
    lengths[i] = part.length;
    bytes.set(part, at);
    at += part.length;
  });
  return bytes;
}

/** Bytes of one message: MPI counts up to 2^31 - 1. */
const PIECE = 1 << 28;

async function send(communicator: Communicator, bytes: Uint8Array): Promise<void> {
  await communicator.broadcast(Float64Array.of(bytes.length));
  for (let at = 0; at < bytes.length; at += PIECE) await communicator.broadcast(bytes.subarray(at, at + PIECE));
}

/** What rank 0 sends; null if it has failed. */
async function receive(communicator: Communicator): Promise<Uint8Array | null> {
  const length = new Float64Array(1);
  await communicator.broadcast(length);
  if (length[0] === 0) return null;
  const bytes = new Uint8Array(length[0]!);
  for (let at = 0; at < bytes.length; at += PIECE) await communicator.broadcast(bytes.subarray(at, at + PIECE));
  return bytes;
}

/** Another rank: writes nothing, and prints only that it has waited in vain. Rank 0 has the exit code. */
async function follow(communicator: Communicator): Promise<number> {
  const bytes = await receive(communicator);
  if (!bytes) return 0;
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  try {
    await trainAlong(communicator, bytes, stop.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof UnspoolError || error instanceof UsageError)) throw error;
    if (error instanceof UsageError || !isLate(error)) return 0;
    warn(error);
    return 1;
  } finally {
    release();
  }
}

async function trainAlong(communicator: Communicator, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const lengths = new Float64Array(bytes.buffer, 0, 3);
  let at = 24;
  const [header, content, file] = [...lengths].map((length) => bytes.slice(at, (at += length)));
  const decoder = new TextDecoder();
  const { settings, ...machine } = JSON.parse(decoder.decode(header)) as Shared;
  if (settings.precision === 'float32') await revectorize();
  const { model, vocabulary, training } = await deserializeModel(file!, backendOf(machine));
  const text = textStreams(decoder.decode(content), { ...streamsOf(settings), vocabulary: vocabulary! });
  const arithmetic = await arithmeticOf(model);
  const gradient = shardedGradient(settings, signal, { ranks: communicator, arithmetic });
  let error: unknown = null;
  try {
    const shared = { gradient, resume: training ?? undefined };
    for await (const event of await fitText(model, text, settings, shared)) if (event.kind === 'end') break;
  } catch (thrown) {
    error = thrown;
  }
  await gradient.finish(error);
  if (error) throw error;
}
