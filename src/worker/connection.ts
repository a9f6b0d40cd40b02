/** Calls to the worker that holds a model, and what becomes of them when it ends. */
import { invalidSetting, UnspoolError } from '../errors.js';
import { type Line, lineTo, type WorkerLike } from './line.js';
import { type Answer, type Host, isOurs, type Operation, parcel } from './protocol.js';
import { startWorker } from './start.js';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

let numbers = 0;
/** For calls, trainings and streams: different for everything on this thread, as workers may be used again. */
export const newNumber = (): number => ++numbers;

export class Connection {
  private readonly line: Line;
  private readonly worker: WorkerLike;
  /** Whether the worker was made here, and so ends here. */
  private readonly own: boolean;
  private readonly waiting = new Map<number, Waiting>();
  private readonly watch = new AbortController();
  /** Why nothing is answered any more. */
  private ended: UnspoolError | null = null;
  private ending: Promise<void> | null = null;

  constructor(worker?: WorkerLike) {
    this.own = worker === undefined;
    this.worker = worker ?? startWorker();
    this.line = lineTo(this.worker, {
      message: (message) => isOurs(message) && this.take(message as Answer),
      lost: (problem) => this.lost(problem),
    });
    this.watchLife().catch(() => {}); // no locks in this page: less is noticed
  }

  /** Throws (rejects) what the worker threw; `WORKER_LOST` where it ended, `DISPOSED` after `dispose()`. */
  call<K extends Operation>(operation: K, ...args: Parameters<Host[K]>): ReturnType<Host[K]> {
    const answer = this.ended ? Promise.reject(this.ended) : this.send(operation, args);
    return answer as ReturnType<Host[K]>;
  }

  /** Ends the model, and the worker where it was made here, after the update that is under way. */
  dispose(): Promise<void> {
    return (this.ending ??= this.finish());
  }

  /** Without a word to the worker, which may hold the model of somebody else. */
  giveUp(): void {
    this.end(disposed());
    this.close();
  }

  private async finish(): Promise<void> {
    if (this.ended) return;
    this.end(disposed());
    await this.send('dispose', []).catch(() => {}); // a worker that is lost meanwhile needs no more ending
    this.close();
  }

  private send(operation: Operation, args: readonly unknown[]): Promise<unknown> {
    const unspool = newNumber();
    try {
      const { copy, buffers } = parcel(args);
      this.line.post({ unspool, operation, args: copy }, buffers);
    } catch (error) {
      return Promise.reject(uncloneable(operation, error));
    }
    if (this.waiting.size === 0) this.line.hold(true);
    return new Promise((resolve, reject) => this.waiting.set(unspool, { resolve, reject }));
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.unspool);
    if (!waiting) return; // rejected meanwhile
    this.waiting.delete(answer.unspool);
    if (this.waiting.size === 0) this.line.hold(false);
    if ('result' in answer) waiting.resolve(answer.result);
    else waiting.reject('problem' in answer ? new UnspoolError(answer.problem) : answer.error);
  }

  private lost(problem: string): void {
    const help = 'What it held is lost: make a new model, from a checkpoint if there is one.';
    this.end(new UnspoolError({ code: 'WORKER_LOST', problem, help }));
    this.close();
  }

  private end(error: UnspoolError): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  private close(): void {
    this.watch.abort();
    this.line.close();
    this.line.hold(false);
    if (this.own) this.worker.terminate();
  }

  /**
   * The web tells nobody that a worker was terminated or ran out of memory. But a lock that it holds comes free then: whoever
   * waits for that lock gets to know.
   */
  private async watchLife(): Promise<void> {
    const { locks } = globalThis.navigator ?? {};
    if (!locks || 'on' in this.worker) return;
    const name = `unspool ${globalThis.crypto.randomUUID()}`;
    await this.call('live', name);
    await locks.request(name, { signal: this.watch.signal }, () =>
      this.lost('it was terminated, or ran out of memory.'),
    );
  }
}

const disposed = (): UnspoolError => new UnspoolError({ code: 'DISPOSED', what: 'The model', help: 'Make a new one.' });

const uncloneable = (operation: string, error: unknown): UnspoolError =>
  invalidSetting(
    operation,
    `cannot be sent to a worker: ${error instanceof Error ? error.message : error}.`,
    'Hand in plain data: numbers, strings, arrays and objects of them.',
  );
