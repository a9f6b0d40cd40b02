/** Random numbers that a key determines. */
import type { NoiseKey } from '../../../src/contract/kernels.js';
import * as oracle from '../oracle/index.js';
import { type Case, fail, LENGTHS } from './shared.js';

const KEYS: readonly NoiseKey[] = [
  { seed: 0, update: 0, stream: 0 },
  { seed: 2 ** 32 - 1, update: 2 ** 32 - 1, stream: 2 ** 32 - 1 },
  { seed: 12345, update: 7, stream: 0x811c9dc5 },
];

const bernoulli: Case[] = [
  ...KEYS.flatMap((key, i) =>
    LENGTHS.map(
      (n): Case => ({
        name: `${n} with key ${i}`,
        run(b) {
          const out = b.output('out', 1, n);
          const probability = [0.5, 0.25, 0.9][i]!;
          b.k.bernoulli(out.matrix, key, { probability, hit: 3, miss: -2 });
          b.expect(
            out,
            oracle.words(key, n).map((word) => (word / 2 ** 32 < probability ? 3 : -2)),
          );
        },
      }),
    ),
  ),
  ...[1, 2, 3, 4, 1021].map(
    (offset): Case => ({
      name: `with offset ${offset}, equals that part of a larger mask`,
      run(b) {
        const [n, probability] = [41, 0.5];
        const out = b.output('out', 1, n);
        b.k.bernoulli(out.matrix, { ...KEYS[2]!, offset }, { probability, hit: 3, miss: -2 });
        const words = oracle.words(KEYS[2]!, offset + n).slice(offset);
        b.expect(
          out,
          words.map((word) => (word / 2 ** 32 < probability ? 3 : -2)),
        );
      },
    }),
  ),
  {
    name: 'hits occur with probability 0, 0.3 and almost 1',
    async run(b) {
      const count = 100_000;
      for (const p of [0, 0.3, 1 - 2 ** -30]) {
        const m = b.k.alloc(1, count);
        b.k.bernoulli(m, KEYS[2]!, { probability: p, hit: 1, miss: 0 });
        let hits = 0;
        for (const v of await b.k.download(m)) hits += v;
        b.k.free(m);
        const std = Math.sqrt(count * p * (1 - p));
        if (Math.abs(hits - count * p) > 5 * std) fail(`${hits} hits with probability ${p}`);
      }
    },
  },
  {
    name: 'another seed, update or stream gives an independent mask',
    async run(b) {
      const masks: number[][] = [];
      for (const key of [
        KEYS[2]!,
        { ...KEYS[2]!, seed: 12346 },
        { ...KEYS[2]!, update: 8 },
        { ...KEYS[2]!, stream: 1 },
      ]) {
        const m = b.k.alloc(1, 4000);
        b.k.bernoulli(m, key, { probability: 0.5, hit: 1, miss: -1 });
        masks.push([...(await b.k.download(m))]);
        b.k.free(m);
      }
      masks.forEach((one, i) => {
        masks.slice(0, i).forEach((other, j) => {
          const along = one.reduce((sum, v, at) => sum + v * other[at]!, 0);
          if (Math.abs(along) > 5 * Math.sqrt(4000)) fail(`masks ${i} and ${j} are correlated: ${along}`);
        });
      });
    },
  },
];

const addNormals: Case[] = [
  {
    name: 'adds normal numbers with mean 0 and the given standard deviation',
    async run(b) {
      const count = 40_001;
      const m = b.k.alloc(1, count);
      b.k.fill(m, 5);
      b.k.addNormals(m, KEYS[2]!, 0.5);
      const z = Array.from(await b.k.download(m), (v: number) => (v - 5) / 0.5);
      const moment = (power: number) => z.reduce((sum, v) => sum + v ** power, 0) / count;
      // Four standard errors of each moment. The variances of z, z^2, z^3, z^4 are 1, 2, 15, 96.
      const expected = [0, 1, 0, 3];
      [1, 2, 15, 96].forEach((variance, i) => {
        const off = Math.abs(moment(i + 1) - expected[i]!);
        if (off > 4 * Math.sqrt(variance / count)) fail(`moment ${i + 1} is off by ${off}`);
      });
      b.k.free(m);
    },
  },
  ...LENGTHS.map(
    (n): Case => ({
      name: `${n} numbers agree with the formula of Box and Muller`,
      run(b) {
        const before = b.normals(n);
        const a = b.place('a', 1, n, before);
        b.k.addNormals(a.matrix, KEYS[1]!, 0.3);
        const u = oracle.words(KEYS[1]!, n + (n % 2)).map((word) => (word + 0.5) / 2 ** 32);
        const turn = (e: number): number => 2 * Math.PI * u[e | 1]! - (e & 1 ? Math.PI / 2 : 0);
        b.expect(
          a,
          before.map((v, e) => v + 0.3 * Math.sqrt(-2 * Math.log(u[e & ~1]!)) * Math.cos(turn(e))),
        );
      },
    }),
  ),
];

export const noise = { bernoulli, addNormals } satisfies Record<string, readonly Case[]>;
