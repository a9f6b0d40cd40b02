/** The page's end of the engine: a worker that is watched, and made anew when it is gone. */
import { proxy, type Remote, wrap } from 'comlink';
import type { Engine, Progress } from './api.js';

const PATIENCE = 15_000; // ms without an answer, after which the worker counts as gone

export class EngineGone extends Error {}

export class Client {
  private worker!: Worker;
  private engine!: Remote<Engine>;
  private gone!: Promise<never>;
  private fail!: (reason: string) => void;
  private watch = 0;

  constructor() {
    this.start();
  }

  private start(): void {
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
    this.engine = wrap<Engine>(this.worker);
    this.gone = new Promise((_, reject) => {
      this.fail = (reason) => reject(new EngineGone(reason));
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
      if (asked - answered > PATIENCE && !document.hidden) this.fail('The worker that trains no longer answers.');
    }, 2000);
  }

  /** Rejects with `EngineGone` where the worker ends before it answers. */
  ask<T>(act: (engine: Remote<Engine>) => Promise<T>): Promise<T> {
    return Promise.race([act(this.engine), this.gone]);
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
    this.fail('The worker was ended.');
    this.start();
  }
}
