import { starterOf } from '../distributed/starter.js';
import { UsageError } from './command.js';

/** Throws `UsageError` if MPI has started this process as one of several, which would all write the same files. */
export function requireOneProcess(env: NodeJS.ProcessEnv = process.env): void {
  const { size = 1 } = starterOf(env) ?? {};
  if (size < 2) return;
  throw new UsageError(
    `${size} processes of this command were started. Add --distributed mpi to let them work together, or start one.`,
  );
}
