/**
 * Runs an instruction on operands that are windows of larger matrices at odd offsets. Outputs start as NaN. Afterwards,
 * every number that the instruction must not write must be unchanged.
 */
import type { FloatArray, Kernels, Matrix } from '../../src/contract/kernels.js';
import { expectClose } from '../support/golden.js';
import { type TestRandom, testRandom } from '../support/random.js';

const { is } = Object; // looking up a global takes about a microsecond in Jest

interface Placed {
  readonly name: string;
  readonly base: Matrix;
  readonly offset: number;
  readonly before: FloatArray;
  expected: readonly number[] | null;
}

export interface Operand {
  readonly matrix: Matrix;
  readonly name: string;
}

export class Bench {
  readonly k: Kernels;
  readonly tolerance: number;
  readonly random: TestRandom;
  private readonly placed = new Map<Operand, Placed>();
  private readonly round: (x: number) => number;

  constructor(k: Kernels, tolerance: number, seed: number) {
    this.k = k;
    this.tolerance = tolerance;
    this.random = testRandom(seed);
    this.round = k.precision === 'float32' ? Math.fround : (x) => x;
  }

  /** Rounds numbers to the precision of the backend, so that the oracle gets the same ones. */
  exact(values: Iterable<number>): number[] {
    return Array.from(values, this.round);
  }

  normals(count: number, scale = 1): number[] {
    return this.exact(this.random.normals(count, scale));
  }

  /** A window that contains these numbers. It must stay unchanged unless `expect` is called for it. */
  place(name: string, rows: number, cols: number, values: readonly number[]): Operand {
    const size = rows * cols;
    if (values.length !== size) throw new Error(`${name}: ${values.length} numbers for [${rows}, ${cols}]`);
    const offset = 3 + 2 * (this.placed.size % 5); // never 0, never a multiple of 2
    const base = this.k.alloc(1, offset + size + 5);
    const Float = this.k.precision === 'float32' ? Float32Array : Float64Array;
    const before = new Float(offset + size + 5).map(() => this.random.normal()) as FloatArray;
    before.set(values, offset);
    this.k.upload(base, before);
    const operand = { name, matrix: this.k.view(base, offset, rows, cols) };
    this.placed.set(operand, { name, base, offset, before, expected: null });
    return operand;
  }

  /** A window full of NaN, which the instruction must overwrite completely. */
  output(name: string, rows: number, cols: number): Operand {
    return this.place(name, rows, cols, new Array<number>(rows * cols).fill(Number.NaN));
  }

  expect(operand: Operand, values: readonly number[]): void {
    this.placed.get(operand)!.expected = values;
  }

  /** The numbers in a window. */
  async read(operand: Operand): Promise<number[]> {
    return [...(await this.k.download(operand.matrix))];
  }

  /** Compares every window with the expected numbers, and every number around it with its value before the call. */
  async verify(): Promise<void> {
    for (const { name, base, offset, before, expected } of this.placed.values()) {
      const after = await this.k.download(base);
      const size = expected?.length ?? 0;
      for (let at = 0; at < before.length; at++) {
        const inside = at >= offset && at < offset + size;
        if (!inside && !is(after[at], before[at])) {
          const what = expected ? `outside of output ${name}` : `input ${name}`;
          throw new Error(`${what}: element ${at - offset} was ${before[at]} and became ${after[at]}`);
        }
      }
      if (expected) expectClose(name, after.subarray(offset, offset + size), expected, this.tolerance);
    }
  }

  free(): void {
    for (const { base } of this.placed.values()) this.k.free(base);
    this.placed.clear();
  }
}
