/** The page's side of the engine: starts the worker, calls it, and detects when it has stopped. */
import { proxy, type Remote, wrap } from 'comlink';
import type { Engine, OnProgress } from './api.js';

const PING_MS = 2000;
/**
 * Unanswered pings after which the worker counts as lost; more while it computes, because an update of a large model is slow. Time
 * is not a measure: a page in the background, or on a computer that slept, pings once per minute or not at all.
 */
const MAX_UNANSWERED = { idle: 3, busy: 15 };

export class EngineLost extends Error {}

export class Client {
  private worker!: Worker;
  private engine!: Remote<Engine>;
  private lost!: Promise<never>;
  private fail!: (reason: string) => void;
  private timer = 0;
  private pendingCalls = 0;
  private readonly onLost: (reason: string) => void;

  constructor(onLost: (reason: string) => void) {
    this.onLost = onLost;
    this.start();
  }

  private start(): void {
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
    this.engine = wrap<Engine>(this.worker);
    this.lost = new Promise((_, reject) => {
      this.fail = (reason) => {
        window.clearInterval(this.timer);
        reject(new EngineLost(reason));
        this.onLost(reason);
      };
    });
    this.lost.catch(() => {});
    this.worker.addEventListener('error', (event) => {
      this.fail(event.message || 'The worker that trains the model could not start.');
    });
    this.watch();
  }

  private watch(): void {
    let unanswered = 0;
    window.clearInterval(this.timer);
    this.timer = window.setInterval(() => {
      const max = this.pendingCalls > 0 ? MAX_UNANSWERED.busy : MAX_UNANSWERED.idle;
      if (unanswered >= max && !document.hidden) {
        this.fail('The worker that trains the model no longer answers.');
        return;
      }
      unanswered++;
      void this.engine.ping().then(() => {
        unanswered = 0;
      });
    }, PING_MS);
  }

  /** Rejects with `EngineLost` if the worker is lost before it answers. */
  call<T>(act: (engine: Remote<Engine>) => Promise<T>): Promise<T> {
    this.pendingCalls++;
    return Promise.race([act(this.engine), this.lost]).finally(() => {
      this.pendingCalls--;
    });
  }

  /** Like `call`, for calls that report their progress. */
  follow(
    act: (engine: Remote<Engine>, onProgress: OnProgress) => Promise<void>,
    onProgress: OnProgress,
  ): Promise<void> {
    return this.call((engine) => act(engine, proxy(onProgress)));
  }

  /** Terminates the worker and starts a new one. */
  restart(): void {
    this.worker.terminate();
    this.start();
  }
}
