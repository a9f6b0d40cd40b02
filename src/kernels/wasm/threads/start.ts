/** Starts the workers of the thread pool. */
import type { Extension } from '../host.js';

/** What a worker needs to start. `ready` and `admitted` are words of its line, counted from `control`. */
interface Job {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly thread: number;
  readonly threads: number;
  readonly scratch: number;
  readonly ready: number;
  readonly admitted: number;
  /** The settings of an extension. */
  readonly settings: unknown;
}

/** The program of each worker. It is passed on as source text, so that it works however the package is bundled. */
function threadMain(open: Extension['open']): void {
  const start = async (job: Job): Promise<void> => {
    const { module, memory, control, thread, threads, scratch, ready, admitted, settings } = job;
    const host = open(settings, memory);
    const { log, cos, sin } = Math;
    const instance = await WebAssembly.instantiate(module, { env: { memory, log, cos, sin, host } });
    const words = new Int32Array(memory.buffer, control);
    Atomics.store(words, ready, 1);
    Atomics.wait(words, admitted, 0);
    (instance.exports.follow as (...args: number[]) => void)(control, thread, threads, scratch);
    close();
  };
  const scope = globalThis as unknown as { onmessage: unknown; process?: NodeJS.Process };
  const node = scope.process?.getBuiltinModule?.('node:worker_threads');
  if (node?.parentPort) node.parentPort.once('message', start);
  else scope.onmessage = (event: MessageEvent) => start(event.data);
  const close = (): void => {
    // Deno emulates Node's port but cannot close it; its workers have the close() of web workers.
    if (typeof node?.parentPort?.close === 'function') node.parentPort.close();
    else (globalThis as unknown as { close(): void }).close();
  };
}

export interface Worker {
  postMessage(job: Job): void;
  terminate(): unknown;
}

/** Why threads cannot start; null as long as they can. */
export interface Failure {
  problem: string | null;
  /** Whether all threads are ready: a later error is not about their start. */
  isOver: boolean;
}

/** Why threads cannot start, from what was thrown. */
export const sentence = (error: unknown): string => {
  const text = error instanceof Error ? error.message : '';
  return `worker threads cannot start: ${text.replace(/\.$/, '') || 'a policy of this page or program forbids them'}.`;
};

/** Starts a worker that does not keep the process alive. `failure` receives why it ends before it is ready. */
export function startWorker(failure: Failure, open: Extension['open'] = () => () => {}): Worker {
  const fail = (error: unknown): void => {
    if (failure.isOver) throw error;
    failure.problem ??= sentence(error);
  };
  const source = `(${threadMain})(${open})`;
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (node) {
    const worker = new node.Worker(source, { eval: true });
    worker.on('error', fail);
    worker.unref();
    return worker;
  }
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new globalThis.Worker(url);
  worker.onerror = ({ message }) => fail(new Error(message));
  return worker;
}
