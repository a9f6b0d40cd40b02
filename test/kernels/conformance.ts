/**
 * The conformance suite: every backend runs the same cases (cases/), each compared with the naive float64 oracle
 * (oracle/) on windows of bigger matrices (bench.ts). It uses nothing but the contract.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Kernels, Precision } from '../../src/contract/kernels.js';
import { Bench } from './bench.js';
import { CASES, type Instruction } from './cases/index.js';

export type MakeKernels = (precision: Precision) => Kernels | Promise<Kernels>;

/** Largest norm-wise error of each precision; a precision that is left out is not one of the backend's. */
export type Tolerances = Readonly<Partial<Record<Precision, number>>>;

/** `instruction` or `instruction: name of a case` to the reason why this backend need not pass it. */
export type Skips = Readonly<Record<string, string>>;

/** Of its own name, so that a case's numbers stay when other instructions come. */
const seedOf = (instruction: string): number =>
  [...instruction].reduce((hash, letter) => (31 * hash + letter.charCodeAt(0)) % 2 ** 31, 1);

const INSTRUCTIONS = Object.keys(CASES) as Instruction[];

/** Each precision of the backend `name` against every case. One backend object serves all of them, as it will in use. */
export function describeConformance(
  name: string,
  makeKernels: MakeKernels,
  tolerance: Tolerances,
  skips: Skips = {},
  /** Which of an instruction's cases run, where all of them would take too long; all, if nothing is said. */
  chosen: (instruction: Instruction, index: number) => boolean = () => true,
) {
  const precisions = Object.keys(tolerance) as Precision[];
  test(`${name}: every skip names a case`, () => {
    const known = INSTRUCTIONS.flatMap((i) => [i, ...CASES[i].map((c) => `${i}: ${c.name}`)] as string[]);
    expect(Object.keys(skips).filter((skip) => !known.includes(skip))).toEqual([]);
    expect(precisions.length).toBeGreaterThan(0);
  });
  describe.each(precisions)(`${name} in %s`, (precision) => {
    let k: Kernels;
    beforeAll(async () => {
      k = await makeKernels(precision);
    });
    test('says what it is', () => {
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
