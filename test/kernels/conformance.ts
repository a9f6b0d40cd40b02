/**
 * The conformance suite: every backend runs the same cases (cases/), which compare its results with a simple float64 oracle
 * (oracle/) in windows of larger matrices (bench.ts). It uses only the contract.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Kernels, Precision } from '../../src/contract/kernels.js';
import { Bench } from './bench.js';
import { CASES, type Instruction } from './cases/index.js';

export type MakeKernels = (precision: Precision) => Kernels | Promise<Kernels>;

/** The largest normwise error for each precision of the backend. */
export type Tolerances = Readonly<Partial<Record<Precision, number>>>;

/** Maps `instruction` or `instruction: name of a case` to the reason why this backend skips it. */
export type Skips = Readonly<Record<string, string>>;

/** The seed depends on the name only, so that a new instruction does not change the numbers of the others. */
const seedOf = (instruction: string): number =>
  [...instruction].reduce((hash, letter) => (31 * hash + letter.charCodeAt(0)) % 2 ** 31, 1);

const INSTRUCTIONS = Object.keys(CASES) as Instruction[];

/** Runs every case for each precision of the backend `name`. All cases share one backend object, as in real use. */
export function describeConformance(
  name: string,
  makeKernels: MakeKernels,
  tolerance: Tolerances,
  skips: Skips = {},
  /** Selects the cases that run. Default: all. */
  chosen: (instruction: Instruction, index: number) => boolean = () => true,
) {
  const precisions = Object.keys(tolerance) as Precision[];
  test(`${name}: every skip names an existing case`, () => {
    const known = INSTRUCTIONS.flatMap((i) => [i, ...CASES[i].map((c) => `${i}: ${c.name}`)] as string[]);
    expect(Object.keys(skips).filter((skip) => !known.includes(skip))).toEqual([]);
    expect(precisions.length).toBeGreaterThan(0);
  });
  describe.each(precisions)(`${name} in %s`, (precision) => {
    let k: Kernels;
    beforeAll(async () => {
      k = await makeKernels(precision);
    });
    test('has the right name and precision', () => {
      expect({ name: k.name, precision: k.precision }).toEqual({ name, precision });
    });
    describe.each(INSTRUCTIONS)('%s', (instruction) => {
      CASES[instruction].forEach(({ name: what, run }, index) => {
        if (!chosen(instruction, index)) return;
        const reason = skips[instruction] ?? skips[`${instruction}: ${what}`];
        if (reason !== undefined) {
          test.skip(`${what} (skipped: ${reason})`, () => {});
          return;
        }
        test(what, async () => {
          const bench = new Bench(k, tolerance[precision]!, seedOf(instruction) + index);
          try {
            await run(bench);
            await bench.verify();
          } finally {
            bench.free();
          }
        });
      });
    });
  });
}
