/** Errors of `unspool/infer`, with the codes and the form of `UnspoolError`: what is wrong, and how to fix it. */
import type { ProblemCode } from '../errors.js';

/** An error of `unspool/infer`. `code` is one of `UnspoolError`'s codes. */
export interface InferError extends Error {
  readonly code: ProblemCode;
}

/** An error with a code. `problem` and `help` are complete sentences. */
export const failure = (code: ProblemCode, problem: string, help = ''): InferError =>
  Object.assign(new Error(help ? `${problem} ${help}` : problem), { name: 'UnspoolError', code });

/** An error of a wrong argument. */
export const setting = (problem: string, help?: string): InferError => failure('INVALID_SETTING', problem, help);

/** A value in a message: short, and never a long list. */
export const shown = (value: unknown): string =>
  typeof value === 'object' && value !== null ? 'an object' : String(value).slice(0, 40);

/** Throws `INVALID_SETTING` unless `value` is an integer from 1 to 2^24. */
export function requireCount(name: string, value: unknown): asserts value is number {
  if (Number.isInteger(value) && (value as number) > 0 && (value as number) <= 1 << 24) return;
  throw setting(`${name} must be an integer of at least 1, got ${shown(value)}.`);
}
