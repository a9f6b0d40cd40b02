/** A worker of a page, on this thread: `serve` runs in a scope that this file puts into the globals. */
import type { ServeOptions } from '../../src/worker/index.js';
import { serve } from '../../src/worker/index.js';

type Listener = (event: { readonly data: unknown }) => void;

/** Locks by name, as `navigator.locks` of a page and its workers. */
class Locks {
  readonly held = new Map<string, Promise<unknown>>();
  /** Names that were requested with a signal, and not aborted. */
  readonly waiting = new Set<string>();

  async request(name: string, ...rest: unknown[]): Promise<unknown> {
    const hold = rest.pop() as () => Promise<unknown>;
    const { signal } = (rest.pop() ?? {}) as { readonly signal?: AbortSignal };
    const before = this.held.get(name);
    if (!signal) {
      const held = Promise.race([hold(), new Promise<void>((resolve) => this.ends.push(resolve))]);
      this.held.set(name, held);
      return held;
    }
    this.waiting.add(name);
    signal.addEventListener('abort', () => this.waiting.delete(name));
    await before;
    return signal.aborted ? undefined : hold();
  }

  private readonly ends: (() => void)[] = [];

  /** Releases all locks, as the end of the worker does. */
  release(): void {
    for (const end of this.ends) end();
  }
}

/** What the globals of a page's worker have, in addition to those of Node. */
interface Scope {
  WorkerGlobalScope?: unknown;
  postMessage?: (message: unknown, transfer: ArrayBuffer[]) => void;
  addEventListener?: (type: string, listener: Listener) => void;
  setImmediate?: unknown;
  navigator?: unknown;
}

export class WebWorker extends EventTarget {
  /** Names of the events with listeners, one for each listener. */
  readonly listening: string[] = [];
  readonly calls: string[] = [];
  terminated = 0;
  readonly locks = new Locks();
  private inside: Listener = () => {};

  override addEventListener(type: string, listener: never, options: { readonly signal: AbortSignal }): void {
    super.addEventListener(type, listener, options);
    this.listening.push(type);
    options.signal.addEventListener('abort', () => this.listening.splice(this.listening.indexOf(type), 1));
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    const data = structuredClone(message, { transfer });
    this.calls.push(String((data as { operation: unknown } | null)?.operation));
    setTimeout(() => this.inside({ data }), 0);
  }

  /** Delivers a message or another event to the page. */
  fire(type: string, more: object): void {
    this.dispatchEvent(Object.assign(new Event(type), more));
  }

  terminate(): void {
    this.terminated++;
  }

  /** Serves in this worker while `act` runs. */
  async run(act: () => Promise<void>, options?: ServeOptions): Promise<void> {
    const scope = globalThis as unknown as Scope;
    const { setImmediate } = scope;
    const navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    scope.WorkerGlobalScope = Object;
    scope.postMessage = (message, transfer) => {
      const data = structuredClone(message, { transfer });
      setTimeout(() => this.fire('message', { data }), 0);
    };
    scope.addEventListener = (type, listener) => {
      if (type === 'message') this.inside = listener;
    };
    delete scope.setImmediate; // pages do not have it
    Object.defineProperty(globalThis, 'navigator', { value: { locks: this.locks }, configurable: true });
    try {
      serve(options);
      await act();
    } finally {
      for (const name of ['WorkerGlobalScope', 'postMessage', 'addEventListener'] as const) delete scope[name];
      scope.setImmediate = setImmediate;
      if (navigator) Object.defineProperty(globalThis, 'navigator', navigator);
      else delete scope.navigator;
    }
  }
}
