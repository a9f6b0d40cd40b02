/** `unspool tune --distributed mpi`: rank 0 searches, prints and writes; all ranks compute trials. */
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { exchangeReports, requireAgreement } from '../../distributed/agreement.js';
import { type Communicator, mpiRank } from '../../distributed/index.js';
import { Post } from '../../distributed/post.js';
import { UnspoolError } from '../../index.js';
import { UsageError } from '../command.js';
import { stopOnSignal } from '../signals.js';
import { RANK_VERSIONS } from '../version.js';
import type { TuneFlags } from './options.js';
import { identityOf, planStudy, type StudyPlan, type StudyRun } from './plan.js';
import { TrialPool, type TrialWorker } from './pool.js';
import type { FromWorker, ToWorker } from './worker.js';

/** To the rank of a worker: what the worker receives, or null to end it. A message to a new worker starts it. */
interface ToRank {
  readonly worker: number;
  readonly message: ToWorker | null;
}

/** To rank 0: what a worker sends, with its numbers as texts, that it has ended, or that the rank was asked to stop. */
type FromRank =
  | { readonly worker: number; readonly message: object }
  | { readonly worker: number; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly stop: true };

/** What the command does on one machine. */
interface Machine {
  readonly runStudy: (run: StudyRun, flags: TuneFlags) => Promise<number>;
  readonly startWorker: () => ChildProcess;
}

/** The command on one rank. Returns the exit code. */
export async function tuneOnRanks(args: readonly string[], flags: TuneFlags, machine: Machine): Promise<number> {
  const { rankTimeout } = flags;
  const communicator = await mpiRank(rankTimeout === undefined ? {} : { timeout: rankTimeout });
  try {
    const plan = await planOnRanks(communicator, args, flags);
    return await (communicator.rank === 0 ? lead(communicator, plan, flags, machine) : follow(communicator, machine));
  } catch (error) {
    const isSaid = communicator.rank > 0 && (error instanceof UnspoolError || error instanceof UsageError);
    if (isSaid) return 0; // by rank 0, which has the exit code
    throw error;
  } finally {
    await communicator.close();
  }
}

/** The same study on every rank, each of which reads its data. An error on one rank reaches all. */
async function planOnRanks(communicator: Communicator, args: readonly string[], flags: TuneFlags): Promise<StudyPlan> {
  let plan: StudyPlan | null = null;
  let error: unknown = null;
  try {
    const study = await planStudy(args, flags);
    plan = { study, identity: await identityOf(study) };
  } catch (thrown) {
    error = thrown;
  }
  await exchangeReports(communicator, { error, isStopping: false, same: {}, numbers: [] });
  const { study, identity } = plan!;
  const { base, space, options } = study;
  await requireAgreement(communicator, { ...RANK_VERSIONS, ...identity, base, space, options });
  return plan!;
}

/** Rank 0: searches, and has some of the workers. */
async function lead(
  communicator: Communicator,
  { study, identity }: StudyPlan,
  flags: TuneFlags,
  { runStudy, startWorker }: Machine,
): Promise<number> {
  const post = new Post(communicator);
  const stop = new AbortController();
  const workers = new RankWorkers(post, communicator.size, startWorker);
  const posting = post.run((_, message) => {
    if ('stop' in (message as FromRank)) stop.abort();
    else workers.receive(message as Exclude<FromRank, { stop: true }>);
  });
  posting.catch(() => stop.abort());
  const options = { ...study.options, workers: study.options.workers! * communicator.size };
  const pool = new TrialPool(() => workers.start());
  try {
    return await runStudy({ study: { ...study, options }, identity, pool, stop }, flags);
  } finally {
    post.end();
    await posting;
  }
}

/** A worker of another rank, as rank 0 sees it. */
class RemoteWorker extends EventEmitter implements TrialWorker {
  connected = true;
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  private readonly order: (message: ToWorker | null) => void;

  constructor(order: (message: ToWorker | null) => void) {
    super();
    this.order = order;
  }

  send(message: ToWorker): void {
    this.order(message);
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.connected) return;
    this.order(null);
    this.hasEnded(null, signal);
  }

  hasEnded(code: number | null, signal: NodeJS.Signals | null): void {
    this.connected = false;
    [this.exitCode, this.signalCode] = [code, signal];
    this.emit('exit', code, signal);
  }
}

/** The workers of all ranks. A new one starts on the rank that has fewest. */
class RankWorkers {
  private readonly post: Post;
  /** Workers of each rank that have not ended. */
  private readonly counts: number[];
  private readonly remote = new Map<number, RemoteWorker>();
  private readonly startOwn: Machine['startWorker'];
  private started = 0;

  constructor(post: Post, size: number, startOwn: Machine['startWorker']) {
    this.post = post;
    this.startOwn = startOwn;
    this.counts = new Array<number>(size).fill(0);
  }

  start(): TrialWorker {
    const { counts, post, remote } = this;
    const rank = counts.indexOf(Math.min(...counts));
    const number = this.started++;
    const worker: TrialWorker =
      rank === 0
        ? this.startOwn()
        : new RemoteWorker((message) => post.send(rank, { worker: number, message } as ToRank));
    counts[rank]!++;
    worker.on('exit', () => {
      counts[rank]!--;
      remote.delete(number);
    });
    if (worker instanceof RemoteWorker) remote.set(number, worker);
    return worker;
  }

  receive(answer: Exclude<FromRank, { stop: true }>): void {
    const worker = this.remote.get(answer.worker); // none: it was ended in the meantime
    if ('message' in answer) worker?.emit('message', withNumbers(answer.message));
    else worker?.hasEnded(answer.code, answer.signal);
  }
}

/** JSON has no NaN and no infinity, which a training may return. */
const withTexts = (message: FromWorker): object =>
  'value' in message ? { ...message, value: String(message.value) } : message;
const withNumbers = (message: object): object =>
  'value' in message ? { ...message, value: Number(message.value) } : message;

/** Another rank: runs the workers of its machine. Returns the exit code. */
async function follow(communicator: Communicator, { startWorker }: Machine): Promise<number> {
  const post = new Post(communicator);
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  const workers = new Map<number, ChildProcess>();
  const send = (message: FromRank): void => post.send(0, message);
  const start = (number: number): ChildProcess => {
    const worker = startWorker();
    workers.set(number, worker);
    worker.on('message', (message: FromWorker) => send({ worker: number, message: withTexts(message) }));
    worker.once('error', (error) => post.fail(error));
    worker.once('exit', (code, signal) => {
      workers.delete(number);
      send({ worker: number, code, signal });
    });
    return worker;
  };
  stop.signal.addEventListener('abort', () => send({ stop: true }));
  try {
    await post.run((_, order) => {
      const { worker: number, message } = order as ToRank;
      const worker = workers.get(number);
      if (message === null) worker?.kill('SIGKILL');
      else (worker ?? start(number)).send(message);
    });
    return 0;
  } finally {
    for (const worker of workers.values()) worker.kill('SIGKILL');
    release();
  }
}
