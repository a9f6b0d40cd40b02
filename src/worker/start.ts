/** Starts a worker that runs entry.ts. */
import { UnspoolError } from '../errors.js';
import type { WorkerLike } from './channel.js';

/** Throws `WORKER_LOST` if no worker can be started. */
export function startWorker(): WorkerLike {
  try {
    const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
    // Bundlers recognize this form, and bundle the worker into a separate file.
    if (!node) return new Worker(new URL('./entry.js', import.meta.url), { type: 'module' });
    // This form is hidden from them, or they would bundle entry.ts twice. The flags of this process are not passed on,
    // because some (--input-type) cannot be combined with a file.
    const base = import.meta.url;
    return new node.Worker(new URL('./entry.js', base), { execArgv: [] });
  } catch (error) {
    const problem = `it could not be started (${error instanceof Error ? error.message : error}).`;
    const help = 'Use a browser, Node 20.16 or later, Deno or Bun, or pass a worker whose module calls serve().';
    throw new UnspoolError({ code: 'WORKER_LOST', problem, help });
  }
}
