/** One interface to both kinds of worker: those of the web, and those of `node:worker_threads`. */

/** A `Worker` of the web, or one of `node:worker_threads`. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
}

/** A worker of Node, or of the module `node:worker_threads` in Deno and Bun. */
interface NodeWorker extends WorkerLike {
  on(event: string, listener: (value: unknown) => void): void;
  off(event: string, listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
}

export interface ChannelHandlers {
  message(message: unknown): void;
  /** No further message will arrive. */
  lost(problem: string): void;
}

export interface Channel {
  post(message: unknown, buffers: ArrayBuffer[]): void;
  /** Sets whether the worker keeps the process alive. */
  keepAlive(alive: boolean): void;
  close(): void;
}

export function openChannel(worker: WorkerLike, handlers: ChannelHandlers): Channel {
  return 'on' in worker ? nodeChannel(worker as NodeWorker, handlers) : webChannel(worker as Worker, handlers);
}

const messageOf = (error: unknown): string => (error as Partial<Error> | null)?.message ?? String(error);

function nodeChannel(worker: NodeWorker, { message, lost }: ChannelHandlers): Channel {
  const listeners: Readonly<Record<string, (value: unknown) => void>> = {
    message,
    messageerror: (error) => lost(`a message could not be read (${messageOf(error)}).`),
    error: (error) => lost(`it failed (${messageOf(error)}).`),
    exit: (code) => lost(`it ended with code ${code}.`),
  };
  for (const [event, listener] of Object.entries(listeners)) worker.on(event, listener);
  return {
    post: (value, buffers) => worker.postMessage(value, buffers),
    keepAlive: (alive) => (alive ? worker.ref() : worker.unref()),
    close() {
      for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
    },
  };
}

function webChannel(worker: Worker, { message, lost }: ChannelHandlers): Channel {
  const open = new AbortController();
  const { signal } = open;
  const failed = (event: ErrorEvent): void => lost(`it failed (${event.message ?? 'its script may be missing'}).`);
  worker.addEventListener('message', (event) => message(event.data), { signal });
  worker.addEventListener('messageerror', () => lost('a message could not be read.'), { signal });
  worker.addEventListener('error', failed, { signal });
  worker.addEventListener('close', () => lost('it ended.'), { signal }); // only in Bun; on the web see `detectLoss`
  return {
    post: (value, buffers) => worker.postMessage(value, buffers),
    keepAlive: (alive) => (worker as Partial<NodeWorker>)[alive ? 'ref' : 'unref']?.(), // pages have no such methods
    close: () => open.abort(),
  };
}
