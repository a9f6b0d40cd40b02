/** The page's end of the engine: a worker that is watched, and made anew when it is gone. */
import { proxy, type Remote, wrap } from 'comlink';
import type { Engine, Progress } from './api.js';

/** ms without an answer, after which the worker counts as gone: a step of a large model takes its time. */
const PATIENCE = { idle: 6000, busy: 30_000 };

export class EngineGone extends Error {}

export class Client {
  private worker!: Worker;
  private engine!: Remote<Engine>;
  private gone!: Promise<never>;
  private fail!: (reason: string) => void;
  private watch = 0;

  /** Calls that wait for their answer. */
  private waiting = 0;
  private readonly onGone: (reason: string) => void;

  constructor(onGone: (reason: string) => void) {
    this.onGone = onGone;
    this.start();
  }

  private start(): void {
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
    this.engine = wrap<Engine>(this.worker);
    this.gone = new Promise((_, reject) => {
      this.fail = (reason) => {
        window.clearInterval(this.watch);
        reject(new EngineGone(reason));
        this.onGone(reason);
      };
    });
    this.gone.catch(() => {});
    this.worker.addEventListener('error', (event) => {
      this.fail(event.message || 'The worker that trains could not be started.');
    });
    let answered = performance.now();
    window.clearInterval(this.watch);
    this.watch = window.setInterval(() => {
      const asked = performance.now();
      void this.engine.ping().then(() => {
        answered = performance.now();
      });
      const patience = this.waiting > 0 ? PATIENCE.busy : PATIENCE.idle;
      if (asked - answered > patience && !document.hidden) this.fail('The worker that trains no longer answers.');
    }, 2000);
  }

  /** Rejects with `EngineGone` where the worker ends before it answers. */
  ask<T>(act: (engine: Remote<Engine>) => Promise<T>): Promise<T> {
    this.waiting++;
    return Promise.race([act(this.engine), this.gone]).finally(() => {
      this.waiting--;
    });
  }

  /** Like `ask`, for what tells of its progress. */
  follow(
    act: (engine: Remote<Engine>, tell: (progress: Progress) => void) => Promise<void>,
    tell: (progress: Progress) => void,
  ): Promise<void> {
    return this.ask((engine) => act(engine, proxy(tell)));
  }

  /** Ends the worker, whatever it does, and begins with a new one. */
  restart(): void {
    this.worker.terminate();
    this.start();
  }
}
