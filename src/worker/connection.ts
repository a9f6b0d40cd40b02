/** The calling side of a model in a worker: sends calls, and settles their promises when the answers arrive. */
import { invalidSetting, UnspoolError } from '../errors.js';
import { type Channel, openChannel, type WorkerLike } from './channel.js';
import { type Answer, callMessage, isUnspoolMessage, type Operation, type WorkerOperations } from './protocol.js';
import { startWorker } from './start.js';

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
  readonly onNotice?: OnNotice | undefined;
}

/** Receives parts of the result of a call. The call rejects with what it throws. */
type OnNotice = (notice: unknown) => void;

let lastId = 0;
/** A new id for a call, training or stream. Ids are unique on a thread, because workers may be used again. */
export const newId = (): number => ++lastId;

/**
 * A connection of a model, and of its streams and trainings. Once all of them have been collected, it ends by itself, because the
 * listeners of the worker hold only the worker's side.
 */
export class Connection {
  private readonly link: Link;

  constructor(worker?: WorkerLike) {
    this.link = new Link(worker);
    unused.register(this, this.link);
  }

  /** Rejects with what the worker threw, with `WORKER_LOST` if it ended, and with `DISPOSED` after `dispose()`. */
  call<K extends Operation>(operation: K, ...args: Parameters<WorkerOperations[K]>): ReturnType<WorkerOperations[K]> {
    return this.link.call(operation, args) as ReturnType<WorkerOperations[K]>;
  }

  /** As `call`, for an operation that sends notices. */
  callWithNotices<K extends Operation>(
    onNotice: OnNotice | undefined,
    operation: K,
    ...args: Parameters<WorkerOperations[K]>
  ): ReturnType<WorkerOperations[K]> {
    return this.link.call(operation, args, onNotice) as ReturnType<WorkerOperations[K]>;
  }

  /** Throws as `call` rejects. */
  requireOpen(): void {
    if (this.link.ended) throw this.link.ended;
  }

  /** Disposes of the model after the current update, and terminates the worker if this connection started it. */
  dispose(): Promise<void> {
    return this.link.dispose();
  }

  /** Closes the connection and leaves the worker as it is, because it may hold the model of another connection. */
  abandon(): void {
    this.link.abandon();
  }
}

const unused = new FinalizationRegistry<Link>((link) => link.drop());

class Link {
  private readonly channel: Channel;
  private readonly worker: WorkerLike;
  /** Whether this connection started the worker, and so terminates it. */
  private readonly ownsWorker: boolean;
  private readonly pending = new Map<number, Pending>();
  private readonly detection = new AbortController();
  /** Why the connection has ended; null while it is open. */
  ended: UnspoolError | null = null;
  private ending: Promise<void> | null = null;
  private isDropped = false;

  constructor(worker?: WorkerLike) {
    this.ownsWorker = worker === undefined;
    this.worker = worker ?? startWorker();
    this.channel = openChannel(this.worker, {
      message: (message) => isUnspoolMessage(message) && this.receive(message as Answer),
      lost: (problem) => this.lost(problem),
    });
    this.detectLoss().catch(() => {}); // without locks in this page, less can be detected
  }

  call(operation: Operation, args: readonly unknown[], onNotice?: OnNotice): Promise<unknown> {
    return this.ended ? Promise.reject(this.ended) : this.send(operation, args, onNotice);
  }

  dispose(): Promise<void> {
    return (this.ending ??= this.finish());
  }

  /** Disposes when the calls that have been made are answered. */
  drop(): void {
    this.isDropped = true;
    if (this.pending.size === 0) this.dispose().catch(() => {});
  }

  abandon(): void {
    this.end(disposed());
    this.close();
  }

  private async finish(): Promise<void> {
    if (this.ended) return;
    this.end(disposed());
    await this.send('dispose', []).catch(() => {}); // a lost worker has no model to dispose of
    this.close();
  }

  private send(operation: Operation, args: readonly unknown[], onNotice?: OnNotice): Promise<unknown> {
    const unspool = newId();
    try {
      const { message, buffers } = callMessage(unspool, operation, args);
      this.channel.post(message, buffers);
    } catch (error) {
      return Promise.reject(error instanceof UnspoolError ? error : notCloneable(operation, error));
    }
    if (this.pending.size === 0) this.channel.keepAlive(true);
    return new Promise((resolve, reject) => this.pending.set(unspool, { resolve, reject, onNotice }));
  }

  private receive(answer: Answer): void {
    const pending = this.pending.get(answer.unspool);
    if (!pending) return; // already rejected
    if ('notice' in answer) {
      this.pass(answer.unspool, pending, answer.notice);
      return;
    }
    this.settled(answer.unspool);
    if ('result' in answer) pending.resolve(answer.result);
    else pending.reject('problem' in answer ? new UnspoolError(answer.problem) : answer.error);
  }

  private pass(call: number, { onNotice, reject }: Pending, notice: unknown): void {
    try {
      onNotice?.(notice);
    } catch (error) {
      this.settled(call); // later notices and the answer are ignored
      reject(error);
    }
  }

  private settled(call: number): void {
    this.pending.delete(call);
    if (this.pending.size > 0) return;
    this.channel.keepAlive(false);
    if (this.isDropped) this.dispose().catch(() => {});
  }

  private lost(problem: string): void {
    const help = 'Its model is lost: create a new one, or load a checkpoint.';
    this.end(new UnspoolError({ code: 'WORKER_LOST', problem, help }));
    this.close();
  }

  private end(error: UnspoolError): void {
    this.ended ??= error;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  private close(): void {
    this.detection.abort();
    this.channel.close();
    this.channel.keepAlive(false);
    if (this.ownsWorker) this.worker.terminate();
  }

  /**
   * Detects that a web worker was terminated or ran out of memory, which fires no event. The worker holds a lock for its
   * lifetime; a request for that lock succeeds once the worker is gone.
   */
  private async detectLoss(): Promise<void> {
    const { locks } = globalThis.navigator ?? {};
    if (!locks || 'on' in this.worker) return;
    const name = `unspool ${globalThis.crypto.randomUUID()}`;
    await this.call('holdLock', [name]);
    await locks.request(name, { signal: this.detection.signal }, () =>
      this.lost('it was terminated, or ran out of memory.'),
    );
  }
}

const disposed = (): UnspoolError => new UnspoolError({ code: 'DISPOSED', what: 'The model', help: 'Make a new one.' });

const notCloneable = (operation: string, error: unknown): UnspoolError => {
  const reason = error instanceof Error ? error.message : error;
  const help = 'Pass plain data: numbers, strings, arrays and objects of them.';
  return invalidSetting(operation, `cannot be sent to a worker: ${reason}.`, help);
};
