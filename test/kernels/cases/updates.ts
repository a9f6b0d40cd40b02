/** Clipping and parameter updates. */
import type { AdamOptions, Matrix, SgdOptions } from '../../../src/contract/kernels.js';
import type { Bench } from '../bench.js';
import * as oracle from '../oracle/index.js';
import { bySize, type Case, fail, LENGTHS, sequence } from './shared.js';

const norm: Case[] = [
  ...LENGTHS.map(
    (n): Case => ({
      name: `of ${n} elements, without changing them`,
      run(b) {
        const values = b.normals(n);
        const a = b.place('a', 1, n, values);
        const out = b.output('norm', 1, 1);
        b.k.norm(out.matrix, a.matrix);
        b.expect(out, [Math.hypot(...values)]);
      },
    }),
  ),
  {
    name: 'of a matrix of several rows',
    run(b) {
      const values = b.normals(35);
      const a = b.place('a', 5, 7, values);
      const out = b.output('norm', 1, 1);
      b.k.norm(out.matrix, a.matrix);
      b.expect(out, [Math.hypot(...values)]);
    },
  },
  {
    name: 'of zeros is 0',
    run(b) {
      const out = b.output('norm', 1, 1);
      b.k.norm(out.matrix, b.place('a', 3, 5, new Array<number>(15).fill(0)).matrix);
      b.expect(out, [0]);
    },
  },
];

const clipNorm: Case[] = [
  ...LENGTHS.flatMap((n) =>
    [
      { name: 'elements over the limit', limit: 0.25 },
      { name: 'elements under the limit', limit: 1e4 },
      { name: 'elements without a limit', limit: Number.POSITIVE_INFINITY },
    ].map(
      ({ name, limit }): Case => ({
        name: `${n} ${name}`,
        run(b) {
          const a = b.normals(n).map((v) => v + Math.sign(v));
          const values = b.exact(a);
          const { norm, clipped } = oracle.clippedNorm(values, limit);
          const [length, vector] = [b.output('norm', 1, 1), b.place('a', 1, n, values)];
          b.k.clipNorm(length.matrix, vector.matrix, limit);
          b.expect(length, [norm]);
          if (norm > limit) b.expect(vector, clipped); // otherwise every bit stays
        },
      }),
    ),
  ),
  {
    name: 'a norm slightly under the limit leaves every bit',
    run(b) {
      const values = b.normals(19);
      const { norm } = oracle.clippedNorm(values, 1);
      const [length, vector] = [b.output('norm', 1, 1), b.place('a', 1, 19, values)];
      b.k.clipNorm(length.matrix, vector.matrix, 1.25 * norm);
      b.expect(length, [norm]);
    },
  },
  {
    name: 'the norm of zeros is 0, and they stay 0',
    run(b) {
      const [length, vector] = [b.output('norm', 1, 1), b.place('a', 3, 5, new Array<number>(15).fill(0))];
      b.k.clipNorm(length.matrix, vector.matrix, 1);
      b.expect(length, [0]);
    },
  },
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
    (bad): Case => ({
      name: `the norm of a vector with ${bad} is not finite`,
      async run(b) {
        const [norm, a] = [b.k.alloc(1, 1), b.k.alloc(1, 19)];
        b.k.upload(
          a,
          sequence(19).map((i) => (i === 16 ? bad : i)),
        );
        b.k.clipNorm(norm, a, 1);
        const [length] = await b.k.download(norm);
        if (Number.isFinite(length)) fail(`the norm is ${length}`);
        b.k.free(norm);
        b.k.free(a);
      },
    }),
  ),
];

const clipValue: Case[] = [
  ...bySize((b, rows, cols) => {
    const a = b.normals(rows * cols, 3);
    const limit = 1.5;
    const vector = b.place('a', rows, cols, a);
    b.k.clipValue(vector.matrix, limit);
    b.expect(
      vector,
      a.map((v) => Math.sign(v) * Math.min(limit, Math.abs(v))),
    );
  }),
  {
    name: 'clips at exactly the limit and keeps NaN',
    async run(b) {
      const vector = b.k.alloc(1, 6);
      b.k.upload(vector, [0.5, -0.5, 0.75, -1e30, Number.NaN, 0]);
      b.k.clipValue(vector, 0.5);
      const got = [...(await b.k.download(vector))].join();
      if (got !== '0.5,-0.5,0.5,-0.5,NaN,0') fail(got);
      b.k.free(vector);
    },
  },
];

const SGD = { learningRate: 0.3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, first: false };

const SGD_SETTINGS: Readonly<Record<string, Partial<SgdOptions>>> = {
  plain: {},
  decay: { weightDecay: 0.2 },
  'first with momentum': { momentum: 0.9, first: true },
  momentum: { momentum: 0.9 },
  'dampened momentum': { momentum: 0.9, dampening: 0.3 },
  'first dampened': { momentum: 0.9, dampening: 0.3, first: true },
  nesterov: { momentum: 0.8, nesterov: true, weightDecay: 0.1 },
  'first nesterov': { momentum: 0.8, nesterov: true, first: true },
};

const sgdUpdate = Object.entries(SGD_SETTINGS).flatMap(([name, settings]) =>
  LENGTHS.map(
    (n): Case => ({
      name: `${n} ${name}`,
      run(b) {
        const options: SgdOptions = { ...SGD, ...settings };
        const [w, g, u] = [b.normals(n, 0.1), b.normals(n), b.normals(n)];
        const hasVelocity = options.momentum > 0;
        const W = b.place('w', 1, n, w);
        const velocity = options.first ? b.output('velocity', 1, n) : b.place('velocity', 1, n, u);
        b.k.sgdUpdate(W.matrix, b.place('g', 1, n, g).matrix, hasVelocity ? velocity.matrix : null, options);
        const expected = oracle.sgdStep(w, g, hasVelocity ? u : null, options);
        b.expect(W, expected.w);
        if (expected.velocity) b.expect(velocity, expected.velocity);
      },
    }),
  ),
);

const ADAM: AdamOptions = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  decoupled: false,
  update: 7,
};

const ADAM_SETTINGS: Readonly<Record<string, Partial<AdamOptions>>> = {
  'at update 1': { update: 1 },
  'at update 7': {},
  'at update 100000': { update: 100_000 },
  'other betas, big eps': { beta1: 0.5, beta2: 0.8, eps: 0.1 },
  'betas of 0': { beta1: 0, beta2: 0 },
  'L2 decay': { weightDecay: 0.3 },
  'decoupled decay': { weightDecay: 0.3, decoupled: true },
};

const adamUpdate = Object.entries(ADAM_SETTINGS).flatMap(([name, settings]) =>
  LENGTHS.map(
    (n): Case => ({
      name: `${n} ${name}`,
      run(b) {
        const options = { ...ADAM, ...settings };
        const [w, g] = [b.normals(n, 0.1), b.normals(n)];
        const m = options.update === 1 ? new Array<number>(n).fill(0) : b.normals(n);
        const v = options.update === 1 ? m : b.exact(b.normals(n).map((x) => x * x));
        const [W, M, V] = [b.place('w', 1, n, w), b.place('m', 1, n, m), b.place('v', 1, n, v)];
        b.k.adamUpdate(W.matrix, b.place('g', 1, n, g).matrix, M.matrix, V.matrix, options);
        const expected = oracle.adamStep(w, g, m, v, options);
        b.expect(W, expected.w);
        b.expect(M, expected.m);
        b.expect(V, expected.v);
      },
    }),
  ),
);

/** Each elementwise instruction, with a separate output and in place of either input. */
function elements(
  run: (b: Bench, out: Matrix, a: Matrix, c: Matrix) => void,
  formula: (a: number, c: number) => number,
  inputs: (b: Bench, n: number) => number[] = (b, n) => b.normals(n),
): Case[] {
  return LENGTHS.map((n) => ({
    name: `${n}`,
    run(b) {
      const [a, c] = [inputs(b, n), inputs(b, n)];
      const expected = a.map((v, i) => formula(v, c[i]!));
      const [A, C, out] = [b.place('a', 1, n, a), b.place('b', 1, n, c), b.output('out', 1, n)];
      run(b, out.matrix, A.matrix, C.matrix);
      b.expect(out, expected);
      const onto = b.place('in place of a', 1, n, a);
      run(b, onto.matrix, onto.matrix, C.matrix);
      b.expect(onto, expected);
    },
  }));
}

const mixProduct = LENGTHS.map(
  (n): Case => ({
    name: `${n}`,
    run(b) {
      const [before, a, c] = [b.normals(n), b.normals(n), b.normals(n)];
      const out = b.place('out', 1, n, before);
      b.k.mixProduct(out.matrix, 0.9, -0.3, b.place('a', 1, n, a).matrix, b.place('b', 1, n, c).matrix);
      b.expect(
        out,
        before.map((v, i) => 0.9 * v - 0.3 * a[i]! * c[i]!),
      );
      const square = b.place('a^2', 1, n, before);
      b.k.mixProduct(square.matrix, 0, 1, square.matrix, square.matrix);
      b.expect(
        square,
        before.map((v) => v * v),
      );
    },
  }),
);

const positive = (b: Bench, n: number): number[] => b.exact(b.normals(n).map((v) => Math.abs(v) + 0.1));

const root = elements(
  (b, out, a) => b.k.root(out, a, 0.25, -0.5),
  (a) => Math.sqrt(a + 0.25) - 0.5,
  positive,
);

const addQuotient = LENGTHS.map(
  (n): Case => ({
    name: `${n}`,
    run(b) {
      const [before, a, c] = [b.normals(n), b.normals(n), positive(b, n)];
      const out = b.place('out', 1, n, before);
      b.k.addQuotient(out.matrix, -1.5, b.place('a', 1, n, a).matrix, b.place('b', 1, n, c).matrix);
      b.expect(
        out,
        before.map((v, i) => v - (1.5 * a[i]!) / c[i]!),
      );
    },
  }),
);

const maximum = elements(
  (b, out, a, c) => b.k.maximum(out, a, c),
  (a, c) => (a > c ? a : c),
);

const sign = elements(
  (b, out, a) => b.k.sign(out, a),
  (a) => (a > 0 ? 1 : a < 0 ? -1 : 0),
  (b, n) => b.normals(n).map((v, i) => (i % 5 === 2 ? 0 : v)),
);

const scaleByRatio = [
  [3, 2],
  [0, 2],
  [3, 0],
  [1e-6, 1e4],
].flatMap(([above, below]) =>
  LENGTHS.map(
    (n): Case => ({
      name: `${n} by ${above} / ${below}`,
      run(b) {
        const values = b.normals(n);
        const a = b.place('a', 1, n, values);
        const ratio = above === 0 || below === 0 ? 1 : above! / below!;
        b.k.scaleByRatio(a.matrix, b.place('above', 1, 1, [above!]).matrix, b.place('below', 1, 1, [below!]).matrix);
        b.expect(
          a,
          values.map((v) => v * ratio),
        );
      },
    }),
  ),
);

export const updates = {
  norm,
  clipNorm,
  clipValue,
  mixProduct,
  root,
  addQuotient,
  maximum,
  sign,
  scaleByRatio,
  sgdUpdate,
  adamUpdate,
} satisfies Record<string, readonly Case[]>;
