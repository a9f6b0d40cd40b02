/** Layer normalization. */
import * as oracle from '../oracle/index.js';
import { both, type Case, sequence } from './shared.js';

/** [rows, columns]. No rows of two numbers: they always become -1 and 1, so their gradient is 0. */
const SHAPES: readonly (readonly [number, number])[] = [
  [1, 3],
  [3, 5],
  [4, 1],
  [2, 33],
  [7, 18],
];

const layerNorm: Case[] = [
  ...both.flatMap((accumulate) =>
    SHAPES.map(
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
    // Both sides get the same float32 numbers, whose spacing is 1e-3 at 1e4. The differences from the mean are exact if the
    // mean has more digits than float32.
    name: 'a mean of 1e4 costs no accuracy',
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
    name: 'a row of equal numbers gives the bias',
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

/** The shapes above, and one with a mean that needs most digits of a float32. */
const layerNormGrad = both.flatMap((accumulate) =>
  [...SHAPES.map((shape) => [...shape, 0] as const), [3, 33, 1e4] as const].map(
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

export const norms = { layerNorm, layerNormGrad } satisfies Record<string, readonly Case[]>;
