/** Worker processes that compute trials. A process is used again for the next trial. */
import type { ChildProcess } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import type { TrialContext } from '../../tune/search.js';
import type { FromWorker, ToWorker } from './worker.js';

type TrialMessage = Extract<ToWorker, { kind: 'trial' }>;

/** A process that ends without a result, as one that the system kills for memory, is replaced once for each trial. */
const ATTEMPTS = 2;

class WorkerEnded extends Error {}

/** What a pool needs of a worker process, on this machine or another one. */
export interface TrialWorker extends EventEmitter, Pick<ChildProcess, 'connected' | 'exitCode' | 'signalCode'> {
  send(message: ToWorker): unknown;
  kill(signal: 'SIGKILL'): unknown;
}

export class TrialPool {
  private readonly idle: TrialWorker[] = [];
  private readonly all = new Set<TrialWorker>();
  private readonly startOne: () => TrialWorker;

  constructor(start: () => TrialWorker) {
    this.startOne = start;
  }

  /** Computes a trial. Rejects if it fails, or if the search is aborted. */
  async run(trial: TrialMessage, context: TrialContext): Promise<number> {
    const decisions: boolean[] = []; // a second attempt does not report again
    for (let attempt = 1; ; attempt++) {
      const worker = this.idle.pop() ?? this.start();
      try {
        const value = await converse(worker, trial, context, decisions);
        this.idle.push(worker);
        return value;
      } catch (error) {
        if (!(error instanceof WorkerEnded)) {
          if (!context.signal.aborted) this.idle.push(worker);
          throw error;
        }
        if (attempt === ATTEMPTS || context.signal.aborted) throw error;
      }
    }
  }

  /** Ends all processes. */
  close(): void {
    for (const worker of this.all) worker.kill('SIGKILL');
  }

  private start(): TrialWorker {
    const worker = this.startOne();
    this.all.add(worker);
    worker.on('exit', () => this.all.delete(worker));
    return worker;
  }
}

function converse(
  worker: TrialWorker,
  trial: TrialMessage,
  context: TrialContext,
  decisions: boolean[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    let reported = 0;
    const end = (act: () => void): void => {
      worker.off('message', onMessage).off('exit', onExit).off('error', onExit);
      context.signal.removeEventListener('abort', onAbort);
      act();
    };
    const onExit = (): void =>
      end(() => reject(new WorkerEnded(`its process ended (${worker.signalCode ?? worker.exitCode}).`)));
    const onAbort = (): void => {
      worker.kill('SIGKILL');
      end(() => reject(new Error('aborted')));
    };
    const answer = async (value: number): Promise<void> => {
      const at = reported++;
      if (at === decisions.length) decisions.push(await context.report(value));
      if (worker.connected) worker.send({ kind: 'decision', continues: decisions[at]! } satisfies ToWorker);
    };
    const onMessage = (message: FromWorker): void => {
      if (message.kind === 'report') answer(message.value).catch((error) => end(() => reject(error)));
      else if (message.kind === 'done') end(() => resolve(message.value));
      else end(() => reject(new Error(message.message)));
    };
    worker.on('message', onMessage).on('exit', onExit).on('error', onExit);
    context.signal.addEventListener('abort', onAbort);
    if (context.signal.aborted) onAbort();
    else worker.send(trial);
  });
}
