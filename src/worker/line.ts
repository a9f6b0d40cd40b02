/** The line to a worker, the same in every engine: of the web's kind, or of `node:worker_threads`. */

/** A `Worker` of the web, or one of `node:worker_threads`. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
}

/** A worker of Node, and of Deno's and Bun's modules of that name. */
interface NodeWorker extends WorkerLike {
  on(event: string, listener: (value: unknown) => void): void;
  off(event: string, listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
}

export interface Ends {
  message(message: unknown): void;
  /** There will be no message any more. */
  lost(problem: string): void;
}

export interface Line {
  post(message: unknown, buffers: ArrayBuffer[]): void;
  /** Whether the process, where there is one, may not end before an answer has come. */
  hold(waiting: boolean): void;
  close(): void;
}

export function lineTo(worker: WorkerLike, ends: Ends): Line {
  return 'on' in worker ? nodeLine(worker as NodeWorker, ends) : webLine(worker as Worker, ends);
}

const wordsOf = (error: unknown): string => (error as Partial<Error> | null)?.message ?? String(error);

function nodeLine(worker: NodeWorker, { message, lost }: Ends): Line {
  const listeners: Readonly<Record<string, (value: unknown) => void>> = {
    message,
    messageerror: (error) => lost(`a message could not be read (${wordsOf(error)}).`),
    error: (error) => lost(`it failed (${wordsOf(error)}).`),
    exit: (code) => lost(`it ended with code ${code}.`),
  };
  for (const [event, listener] of Object.entries(listeners)) worker.on(event, listener);
  return {
    post: (value, buffers) => worker.postMessage(value, buffers),
    hold: (waiting) => (waiting ? worker.ref() : worker.unref()),
    close() {
      for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
    },
  };
}

function webLine(worker: Worker, { message, lost }: Ends): Line {
  const open = new AbortController();
  const { signal } = open;
  worker.addEventListener('message', (event) => message(event.data), { signal });
  worker.addEventListener('messageerror', () => lost('a message could not be read.'), { signal });
  worker.addEventListener('error', (event) => lost(`it failed (${event.message ?? 'could it be loaded?'}).`), {
    signal,
  });
  worker.addEventListener('close', () => lost('it ended.'), { signal }); // Bun's alone; for the web see `watchLife`
  return {
    post: (value, buffers) => worker.postMessage(value, buffers),
    hold: (waiting) => (worker as Partial<NodeWorker>)[waiting ? 'ref' : 'unref']?.(), // a page lives anyway
    close: () => open.abort(),
  };
}
