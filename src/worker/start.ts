/** A worker of our own: the module entry.ts beside this one. */
import { UnspoolError } from '../errors.js';
import type { WorkerLike } from './line.js';

/** Throws `INVALID_SETTING` where the engine has no workers. */
export function startWorker(): WorkerLike {
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (node) {
    const here = import.meta.url; // not in place, or a bundler would take entry.ts along once more, as it stands
    // Without the flags of this process: some of them (--input-type) make no sense for a file.
    return new node.Worker(new URL('./entry.js', here), { execArgv: [] });
  }
  if (typeof Worker === 'function') return new Worker(new URL('./entry.js', import.meta.url), { type: 'module' });
  throw new UnspoolError({
    code: 'INVALID_SETTING',
    path: 'worker',
    problem: 'this engine has no workers.',
    help: 'Use a browser, Node 20.16 or newer, Deno or Bun, or hand in a worker of your own.',
  });
}
