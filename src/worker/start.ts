/** A worker of our own: the module entry.ts beside this one. */
import { UnspoolError } from '../errors.js';
import type { WorkerLike } from './line.js';

/** Throws `WORKER_LOST` where there are no workers, or none can be made of that module. */
export function startWorker(): WorkerLike {
  try {
    const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
    // As bundlers know it, and make a file of:
    if (!node) return new Worker(new URL('./entry.js', import.meta.url), { type: 'module' });
    // As they do not, or they would take entry.ts along once more. Without the flags of this process: some of them
    // (--input-type) make no sense for a file.
    const here = import.meta.url;
    return new node.Worker(new URL('./entry.js', here), { execArgv: [] });
  } catch (error) {
    const problem = `it could not be started (${error instanceof Error ? error.message : error}).`;
    const help = 'Needs a browser, Node 20.16 or newer, Deno or Bun; or hand in a worker whose module calls serve().';
    throw new UnspoolError({ code: 'WORKER_LOST', problem, help });
  }
}
