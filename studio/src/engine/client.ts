/** The page's end of the engine: a worker that is watched, and made anew when it is gone. */
import { proxy, type Remote, wrap } from 'comlink';
import type { Engine, Progress } from './api.js';

const ASKED_EVERY = 2000; // ms
/**
 * Questions without an answer, after which the worker counts as gone: a step of a large model takes its time. Time itself is no
 * measure: a page in the background, or on a computer that slept, asks once a minute or not at all.
 */
const PATIENCE = { idle: 3, busy: 15 };

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
    let unanswered = 0;
    window.clearInterval(this.watch);
    this.watch = window.setInterval(() => {
      const patience = this.waiting > 0 ? PATIENCE.busy : PATIENCE.idle;
      if (unanswered >= patience && !document.hidden) {
        this.fail('The worker that trains no longer answers.');
        return;
      }
      unanswered++;
      void this.engine.ping().then(() => {
        unanswered = 0;
      });
    }, ASKED_EVERY);
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
