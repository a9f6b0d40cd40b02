import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** One file of test/golden: float64 results of PyTorch's autograd. */
export interface GoldenCase {
  readonly case: string;
  readonly config: Record<string, unknown>;
  readonly tensors: Record<string, GoldenTensor>;
  readonly [more: string]: unknown;
}

export function golden(name: string): GoldenCase {
  return JSON.parse(readFileSync(join(__dirname, '..', 'golden', `${name}.json`), 'utf8')) as GoldenCase;
}

export function tensor(from: GoldenCase, name: string): readonly number[] {
  const found = from.tensors[name];
  if (!found) throw new Error(`${from.case} has no tensor ${name}`);
  return found.data;
}

/** The norm of the difference over the norm of what is expected (over 1 where that is smaller than 1e-12). */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} numbers, expected ${expected.length}`);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  const norm = Math.sqrt(size);
  return Math.sqrt(difference) / (norm < 1e-12 ? 1 : norm);
}

/** What the working rules ask of each precision, norm-wise. */
export const TOLERANCE = { float64: 1e-10, float32: 1e-5 } as const;

/** Fails with the name and the error. */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  const error = relativeError(actual, expected);
  if (!(error <= tolerance)) throw new Error(`${what}: relative error ${error}, allowed ${tolerance}`);
}
