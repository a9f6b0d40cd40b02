import { type Problem, UnspoolError } from '../../src/errors.js';

/** The `UnspoolError` that `act` throws; fails where it throws nothing, or something else. */
export function thrown(act: () => unknown): UnspoolError {
  try {
    act();
  } catch (error) {
    if (error instanceof UnspoolError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** As `thrown`, for a promise. */
export async function rejected(act: () => Promise<unknown>): Promise<UnspoolError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof UnspoolError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The problem of one code, with the fields that it has. */
export function problemOf<C extends Problem['code']>(error: UnspoolError, code: C): Extract<Problem, { code: C }> {
  if (error.problem.code !== code) throw new Error(`expected ${code}, got ${error.problem.code}: ${error.message}`);
  return error.problem as Extract<Problem, { code: C }>;
}
