/** The worker's end: takes calls one at a time, in order, and lets messages in between. */
import type { SourceMaker } from '../data/description.js';
import { invalidSetting } from '../errors.js';
import { ModelHost } from './host.js';
import { type Answer, type Call, failure, isOurs, parcel } from './protocol.js';

export interface ServeOptions {
  /**
   * Makers of sources of batches that are your own: by the `kind` that a source's `describe()` gives, from the rest of what
   * it gives, to the source.
   */
  readonly sources?: Readonly<Record<string, SourceMaker>>;
}

/**
 * For a worker file of your own: makes this worker one that `createModelInWorker(spec, {worker})` can be given. Throws
 * `INVALID_SETTING` outside of a worker.
 */
export function serve({ sources = {} }: ServeOptions = {}): void {
  const port = ownPort();
  const queue = new CallQueue(new ModelHost(sources), port.post);
  port.listen((message) => {
    if (isOurs(message)) queue.add(message as Call);
  });
}

/** Milliseconds between two looks at what has arrived: less would cost the smallest updates more than it is worth. */
const TURN = 1;

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
    this.host.arrive(call);
    if (call.operation === 'dispose') this.waiting.length = 0; // nobody waits for it any more
    this.waiting.push(call);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    let looked = performance.now();
    for (let call = this.take(); call; call = this.take()) {
      await this.answer(call);
      if (call.operation === 'leave') this.turnDown(call.args[0]);
      if (performance.now() - looked < TURN) continue;
      await turn();
      looked = performance.now();
    }
    this.running = false;
  }

  private take(): Call | undefined {
    const index = this.waiting.findIndex((call) => !this.host.holdsBack(call));
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }

  private async answer({ unspool, operation, args }: Call): Promise<void> {
    try {
      const act = this.host[operation] as (...args: readonly unknown[]) => Promise<unknown>;
      this.send({ unspool, result: await act.apply(this.host, args as unknown[]) });
    } catch (error) {
      this.fail(unspool, error);
    }
  }

  private send(answer: Answer): void {
    const { copy, buffers } = parcel(answer);
    this.post(copy, buffers);
  }

  private fail(call: number, error: unknown): void {
    try {
      this.post(failure(call, error), []);
    } catch {
      this.post(failure(call, new Error(String(error))), []); // with something in it that cannot be sent
    }
  }

  /** Events that a paused training was asked for, by somebody who has left. */
  private turnDown(training: unknown): void {
    const rest = this.waiting.splice(0);
    for (const call of rest) {
      if (call.operation === 'next' && call.args[0] === training) this.send({ unspool: call.unspool, result: 'later' });
      else this.waiting.push(call);
    }
  }
}

/** Lets messages in. A page's timers would take milliseconds. */
function turn(): Promise<void> {
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
  listen(hear: (message: unknown) => void): void;
}

function ownPort(): Port {
  const parent = globalThis.process?.getBuiltinModule?.('node:worker_threads').parentPort;
  if (parent) {
    return {
      post: (message, buffers) => parent.postMessage(message, buffers),
      listen: (hear) => parent.on('message', hear),
    };
  }
  if (!('WorkerGlobalScope' in globalThis)) {
    const [path, problem] = ['serve', 'this is no worker.'];
    throw invalidSetting(path, problem, 'Call it in a module of its own.');
  }
  const scope = globalThis as unknown as Worker; // a worker's own end has the methods of the other end
  return {
    post: (message, buffers) => scope.postMessage(message, buffers),
    listen: (hear) => scope.addEventListener('message', (event) => hear(event.data)),
  };
}
