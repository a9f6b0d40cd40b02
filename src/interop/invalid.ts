/** The error for a file whose content cannot be used. */
import { UnspoolError } from '../errors.js';

/** An `INVALID_FILE` error to throw: `throw invalidFile(file, 'the parameter a is missing.')`. */
export const invalidFile = (file: string, problem: string, help?: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_FILE', file, problem, ...(help && { help }) });
