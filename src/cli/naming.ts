import { UnspoolError } from '../index.js';

/** What `act` returns. Where it finds the data wrong, the error calls them `name`: a path says more than "text". */
export function naming<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'INVALID_DATA') throw error;
    throw new UnspoolError({ ...error.problem, what: name });
  }
}
