/** Shapes, and functions that make a case for each. */
import type { Bench } from '../bench.js';

export interface Case {
  readonly name: string;
  /** Places operands, calls the instruction and sets the expected results. The suite then verifies the bench. */
  run(b: Bench): void | Promise<void>;
}

export const fail = (message: string): never => {
  throw new Error(message);
};

export const sequence = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

/** [R, K, C]: ones, odd sizes, full and partial tiles, K = 0, and sizes around the block of K = 512. */
export const PRODUCTS: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 3, 5],
  [5, 1, 3],
  [3, 5, 1],
  [2, 0, 3],
  [4, 4, 4],
  [8, 16, 12],
  [7, 9, 5],
  [5, 13, 11],
  [1, 7, 33],
  [33, 7, 1],
  [6, 8, 10],
  [13, 6, 70],
  [17, 34, 19],
  [3, 511, 2],
  [5, 512, 6],
  [2, 513, 7],
  [1, 1024, 9],
  [6, 1030, 9],
];

export const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 7],
  [6, 1],
  [3, 5],
  [4, 8],
  [5, 33],
  [17, 4],
  [1, 1003],
];

export const bySize = (run: (b: Bench, rows: number, cols: number) => void | Promise<void>): Case[] =>
  SIZES.map(([rows, cols]) => ({ name: `${rows}x${cols}`, run: (b) => run(b, rows, cols) }));

export const both = [false, true] as const;

/** Lengths of vectors, with all kinds of remainders. */
export const LENGTHS = [1, 3, 8, 17, 1003];
