/** Noise by key, and layer normalization. */
import type { NoiseKey } from '../../../src/contract/kernels.js';
import * as oracle from '../oracle/index.js';
import { both, type Case, fail, LENGTHS, sequence } from './shared.js';

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
      name: `from element ${offset} on, what a larger mask has there`,
      run(b) {
        const [n, probability] = [9, 0.5];
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
    name: 'never, nearly always, and a share of all',
    async run(b) {
      const count = 100_000;
      for (const p of [0, 0.3, 1 - 2 ** -30]) {
        const m = b.k.alloc(1, count);
        b.k.bernoulli(m, KEYS[2]!, { probability: p, hit: 1, miss: 0 });
        let hits = 0;
        for (const v of await b.k.download(m)) hits += v;
        b.k.free(m);
        const deviation = Math.sqrt(count * p * (1 - p));
        if (Math.abs(hits - count * p) > 5 * deviation) fail(`${hits} hits with probability ${p}`);
      }
    },
  },
  {
    name: 'another seed, update or stream is another mask',
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
          if (Math.abs(along) > 5 * Math.sqrt(4000)) fail(`masks ${i} and ${j} go together: ${along}`);
        });
      });
    },
  },
];

const addNormals: Case[] = [
  {
    name: 'adds standard normal numbers, times the deviation',
    async run(b) {
      const count = 40_001;
      const m = b.k.alloc(1, count);
      b.k.fill(m, 5);
      b.k.addNormals(m, KEYS[2]!, 0.5);
      const z = Array.from(await b.k.download(m), (v: number) => (v - 5) / 0.5);
      const moment = (power: number) => z.reduce((sum, v) => sum + v ** power, 0) / count;
      // Four deviations of each moment's mean: those of z, z^2, z^3, z^4 are 1, 2, 15, 96 squared.
      const wanted = [0, 1, 0, 3];
      [1, 2, 15, 96].forEach((variance, i) => {
        const off = Math.abs(moment(i + 1) - wanted[i]!);
        if (off > 4 * Math.sqrt(variance / count)) fail(`moment ${i + 1} is off by ${off}`);
      });
      b.k.free(m);
    },
  },
  ...LENGTHS.map(
    (n): Case => ({
      name: `${n}: as Box and Muller say`,
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

/** No rows of two: they become -1 and 1 whatever they were, so all of the gradient cancels. */
const NORMS: readonly (readonly [number, number])[] = [
  [1, 3],
  [3, 5],
  [4, 1],
  [2, 33],
  [5, 16],
];

const layerNorm: Case[] = [
  ...both.flatMap((accumulate) =>
    NORMS.map(
      ([R, C]): Case => ({
        name: `${R}x${C}${accumulate ? ' +=' : ''}`,
        run(b) {
          const [a, gain, bias, before] = [b.normals(R * C, 2), b.normals(C), b.normals(C), b.normals(R * C)];
          const out = accumulate ? b.place('out', R, C, before) : b.output('out', R, C);
          const stats = b.output('stats', R, 2);
          const [A, G, B] = [b.place('a', R, C, a), b.place('gain', 1, C, gain), b.place('bias', 1, C, bias)];
          b.k.layerNorm(out.matrix, { a: A.matrix, stats: stats.matrix, gain: G.matrix, bias: B.matrix }, accumulate);
          const expected = oracle.normalized(R, C, a);
          b.expect(stats, expected.stats);
          b.expect(
            out,
            expected.n.map((v, i) => gain[i % C]! * v + bias[i % C]! + (accumulate ? before[i]! : 0)),
          );
        },
      }),
    ),
  ),
  {
    // In float32 the numbers themselves stand 1e-3 apart there, but they are what both sides are given: what is left is
    // the rounding of an exact difference, so long as the mean keeps more digits than one of them.
    name: 'a mean of 1e4 takes no digit from the rest',
    run(b) {
      const [R, C] = [3, 33];
      const a = b.exact(b.random.normals(R * C, 2).map((v) => v + 1e4));
      const [gain, bias] = [b.normals(C), b.normals(C)];
      const [out, stats] = [b.output('out', R, C), b.output('stats', R, 2)];
      const [A, G, B] = [b.place('a', R, C, a), b.place('gain', 1, C, gain), b.place('bias', 1, C, bias)];
      b.k.layerNorm(out.matrix, { a: A.matrix, stats: stats.matrix, gain: G.matrix, bias: B.matrix }, false);
      const expected = oracle.normalized(R, C, a);
      b.expect(stats, expected.stats);
      b.expect(
        out,
        expected.n.map((v, i) => gain[i % C]! * v + bias[i % C]!),
      );
    },
  },
  {
    name: 'a row of one number is the bias',
    run(b) {
      const [out, stats] = [b.output('out', 2, 7), b.output('stats', 2, 2)];
      const [gain, bias] = [b.normals(7), b.normals(7)];
      const a = b.place(
        'a',
        2,
        7,
        sequence(14).map((i) => (i < 7 ? 0.5 : -4)),
      );
      const [G, B] = [b.place('g', 1, 7, gain), b.place('b', 1, 7, bias)];
      b.k.layerNorm(out.matrix, { a: a.matrix, stats: stats.matrix, gain: G.matrix, bias: B.matrix }, false);
      b.expect(out, [...bias, ...bias]);
      b.expect(stats, [0.5, 1 / Math.sqrt(1e-5), -4, 1 / Math.sqrt(1e-5)]);
    },
  },
];

/** As the shapes above, and with a mean that takes most of a float32's digits. */
const layerNormGrad = both.flatMap((accumulate) =>
  [...NORMS.map((shape) => [...shape, 0] as const), [3, 33, 1e4] as const].map(
    ([R, C, offset]): Case => ({
      name: `${R}x${C}${offset ? ` around ${offset}` : ''}${accumulate ? ' +=' : ''}`,
      run(b) {
        const a = b.exact(b.normals(R * C, 2).map((v) => v + offset));
        const [gain, dout, before] = [b.normals(C), b.normals(R * C), b.normals(R * C)];
        const [dg, db] = [b.normals(C), b.normals(C)];
        const { n, stats } = oracle.normalized(R, C, a);
        const da = accumulate ? b.place('da', R, C, before) : b.output('da', R, C);
        const [dGain, dBias] = [b.place('dgain', 1, C, dg), b.place('dbias', 1, C, db)];
        const [A, G, S] = [b.place('a', R, C, a), b.place('gain', 1, C, gain), b.place('stats', R, 2, b.exact(stats))];
        const d = { a: da.matrix, gain: dGain.matrix, bias: dBias.matrix };
        const norm = { a: A.matrix, stats: S.matrix, gain: G.matrix, bias: G.matrix };
        b.k.layerNormGrad(d, b.place('dout', R, C, dout).matrix, norm, accumulate);
        const expected = oracle.normalizedGrad(R, C, a, gain, dout);
        b.expect(
          da,
          expected.map((v, i) => v + (accumulate ? before[i]! : 0)),
        );
        const column = (terms: readonly number[], start: readonly number[]) =>
          start.map((v, c) => terms.reduce((sum, term, i) => (i % C === c ? sum + term : sum), v));
        b.expect(
          dGain,
          column(
            dout.map((v, i) => v * n[i]!),
            dg,
          ),
        );
        b.expect(dBias, column(dout, db));
      },
    }),
  ),
);

export const noise = { bernoulli, addNormals, layerNorm, layerNormGrad } satisfies Record<string, readonly Case[]>;
