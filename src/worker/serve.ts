/** Makes a worker answer calls: one at a time, in order, with new messages received in between. */
import { isObject, requireFunction, requireKeys, shown } from '../checks.js';
import type { SourceMaker } from '../data/description.js';
import { invalidSetting } from '../errors.js';
import { ModelHost } from './host.js';
import { type Answer, type Call, copyInto, failure, isUnspoolMessage } from './protocol.js';

/** Options of `serve`. */
export interface ServeOptions {
  /**
   * Creates your batch sources inside the worker. The key is the `kind` that a source's `describe()` returns; the maker
   * receives the other properties of that description.
   */
  readonly sources?: Readonly<Record<string, SourceMaker>>;
}

/**
 * Turns the current worker into one for `createModelInWorker(spec, { worker })`. Call it in your worker file. Throws
 * `INVALID_SETTING` outside a worker.
 */
export function serve(options: ServeOptions = {}): void {
  requireKeys('options', options, ['sources']);
  const { sources = {} } = options;
  if (!isObject(sources)) throw invalidSetting('options.sources', `must be an object, got ${shown(sources)}.`);
  for (const [kind, maker] of Object.entries(sources)) requireFunction(`options.sources.${kind}`, maker);
  const port = currentPort();
  const queue = new CallQueue(new ModelHost({ ...sources }), port.post);
  port.listen((message) => {
    if (isUnspoolMessage(message)) queue.add(message as Call);
  });
}

/** Milliseconds between two checks for new messages. A check would slow the smallest updates down if made more often. */
const CHECK_INTERVAL = 1;

class CallQueue {
  private readonly host: ModelHost;
  private readonly post: Port['post'];
  private readonly waiting: Call[] = [];
  private running = false;

  constructor(host: ModelHost, post: Port['post']) {
    this.host = host;
    this.post = post;
  }

  add(call: Call): void {
    this.host.received(call);
    if (call.operation === 'dispose') this.waiting.length = 0; // the caller has rejected them
    this.waiting.push(call);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    let checked = performance.now();
    for (let call = this.take(); call; call = this.take()) {
      await this.answer(call);
      if (call.operation === 'leave') this.cancelPrefetched(call.args[0]);
      if (performance.now() - checked < CHECK_INTERVAL) continue;
      await receiveMessages();
      checked = performance.now();
    }
    this.running = false;
  }

  private take(): Call | undefined {
    const index = this.waiting.findIndex((call) => !this.host.mustWait(call));
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }

  private async answer({ unspool, operation, args }: Call): Promise<void> {
    try {
      this.host.notify = (notice) => this.send({ unspool, notice });
      const act = this.host[operation] as (...args: readonly unknown[]) => Promise<unknown>;
      this.send({ unspool, result: await act.apply(this.host, args as unknown[]) });
    } catch (error) {
      this.fail(unspool, error);
    }
  }

  private send(answer: Answer): void {
    const buffers: ArrayBuffer[] = [];
    const copy = copyInto(buffers, answer, 'result');
    this.post(copy, buffers);
  }

  private fail(call: number, error: unknown): void {
    try {
      this.post(failure(call, error), []);
    } catch {
      this.post(failure(call, new Error(String(error))), []); // the error cannot be cloned
    }
  }

  /** Answers prefetching calls that a paused training has not answered, after the caller has left its loop. */
  private cancelPrefetched(training: unknown): void {
    const rest = this.waiting.splice(0);
    for (const call of rest) {
      if (call.operation === 'next' && call.args[0] === training) this.send({ unspool: call.unspool, result: 'later' });
      else this.waiting.push(call);
    }
  }
}

/** Lets the event loop deliver messages. A timer would take milliseconds in a page. */
function receiveMessages(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    }
  });
}

interface Port {
  post(message: unknown, buffers: ArrayBuffer[]): void;
  listen(listener: (message: unknown) => void): void;
}

function currentPort(): Port {
  const parent = globalThis.process?.getBuiltinModule?.('node:worker_threads').parentPort;
  if (parent) {
    return {
      post: (message, buffers) => parent.postMessage(message, buffers),
      listen: (listener) => parent.on('message', listener),
    };
  }
  if (!('WorkerGlobalScope' in globalThis)) {
    throw invalidSetting('serve', 'must be called inside a worker.', 'Call it in the module of a worker.');
  }
  const scope = globalThis as unknown as Worker; // a worker's global scope has the same methods as a Worker
  return {
    post: (message, buffers) => scope.postMessage(message, buffers),
    listen: (listener) => scope.addEventListener('message', (event) => listener(event.data)),
  };
}
