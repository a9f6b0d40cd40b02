/** Matrix products. */
import * as oracle from '../oracle/index.js';
import { both, type Case, fail, PRODUCTS, sequence } from './shared.js';

const gemm: Case[] = [
  ...PRODUCTS.flatMap(([R, K, C]) =>
    both.flatMap((transA) =>
      both.flatMap((transB) =>
        both.map((accumulate): Case => {
          const options = { transA, transB, accumulate };
          const settings = `${transA ? "A'" : 'A'} ${transB ? "B'" : 'B'}${accumulate ? ' +=' : ''}`;
          return {
            name: `${R}x${K}x${C} ${settings}`,
            run(b) {
              const [a, x, before] = [b.normals(R * K), b.normals(K * C), b.normals(R * C)];
              const A = b.place('A', transA ? K : R, transA ? R : K, a);
              const B = b.place('B', transB ? C : K, transB ? K : C, x);
              const out = accumulate ? b.place('out', R, C, before) : b.output('out', R, C);
              b.k.gemm(out.matrix, A.matrix, B.matrix, options);
              b.expect(out, oracle.product(R, K, C, a, x, options, accumulate ? before : undefined));
            },
          };
        }),
      ),
    ),
  ),
  {
    name: 'without options is A B',
    run(b) {
      const [a, x] = [b.normals(6), b.normals(15)];
      const [A, B, out] = [b.place('A', 2, 3, a), b.place('B', 3, 5, x), b.output('out', 2, 5)];
      b.k.gemm(out.matrix, A.matrix, B.matrix);
      b.expect(out, oracle.product(2, 3, 5, a, x, {}));
    },
  },
  {
    name: 'a NaN or an infinity affects exactly its row or column, also when multiplied by 0',
    async run(b) {
      const [R, K, C] = [6, 7, 5];
      const a = b.normals(R * K);
      const x = b.normals(K * C);
      a[4 * K + 2] = Number.NaN;
      x[3 * C + 1] = Number.POSITIVE_INFINITY;
      for (let c = 0; c < C; c++) x[2 * C + c] = 0;
      for (let r = 0; r < R; r++) a[r * K + 3] = 0; // 0 * infinity is NaN too
      const [A, B, out] = [b.place('A', R, K, a), b.place('B', K, C, x), b.output('out', R, C)];
      b.k.gemm(out.matrix, A.matrix, B.matrix);
      const got = await b.read(out);
      got.forEach((v, at) => {
        const [r, c] = [Math.floor(at / C), at % C];
        if (Number.isNaN(v) !== (r === 4 || c === 1)) fail(`element [${r}, ${c}] is ${v}`);
      });
      b.k.fill(out.matrix, 0);
      b.expect(out, new Array<number>(R * C).fill(0));
    },
  },
  {
    name: 'a large product does not affect a later small one',
    run(b) {
      const [a1, x1] = [b.normals(19 * 40), b.normals(40 * 21)];
      const [a2, x2] = [b.normals(3 * 2), b.normals(2 * 5)];
      const first = b.output('first', 19, 21);
      b.k.gemm(first.matrix, b.place('A1', 19, 40, a1).matrix, b.place('B1', 40, 21, x1).matrix);
      const second = b.output('second', 3, 5);
      b.k.gemm(second.matrix, b.place('A2', 3, 2, a2).matrix, b.place('B2', 2, 5, x2).matrix);
      b.expect(first, oracle.product(19, 40, 21, a1, x1, {}));
      b.expect(second, oracle.product(3, 2, 5, a2, x2, {}));
    },
  },
];

const gemmPacked: Case[] = PRODUCTS.flatMap(([R, K, C]) =>
  both.flatMap((transB) =>
    both.map((accumulate): Case => {
      const settings = `${transB ? "B'" : 'B'}${accumulate ? ' +=' : ''}`;
      return {
        name: `${R}x${K}x${C} ${settings}`,
        run(b) {
          const [a, x, before] = [b.normals(R * K), b.normals(K * C), b.normals(R * C)];
          const A = b.place('A', R, K, a);
          const B = b.place('B', transB ? C : K, transB ? K : C, x);
          const out = accumulate ? b.place('out', R, C, before) : b.output('out', R, C);
          const packed = b.k.allocPacked(K, C);
          b.k.pack(packed, B.matrix, transB);
          b.k.gemmPacked(out.matrix, A.matrix, packed, accumulate);
          b.expect(out, oracle.product(R, K, C, a, x, { transB }, accumulate ? before : undefined));
        },
      };
    }),
  ),
);

const pack: Case[] = [
  {
    name: 'keeps its numbers, and can be packed again',
    run(b) {
      const [R, K, C] = [3, 5, 7];
      const [a, first, second] = [b.normals(R * K), b.normals(K * C), b.normals(K * C)];
      const [A, B] = [b.place('A', R, K, a), b.place('B', K, C, first)];
      const T = b.place('B transposed', C, K, second);
      const [one, two, three] = [b.output('one', R, C), b.output('two', R, C), b.output('three', R, C)];
      const packed = b.k.allocPacked(K, C);
      b.k.pack(packed, B.matrix, false);
      b.k.gemmPacked(one.matrix, A.matrix, packed, false);
      b.k.fill(B.matrix, 0);
      b.k.gemmPacked(two.matrix, A.matrix, packed, false);
      b.k.pack(packed, T.matrix, true);
      b.k.gemmPacked(three.matrix, A.matrix, packed, false);
      b.expect(B, new Array<number>(K * C).fill(0));
      b.expect(one, oracle.product(R, K, C, a, first, {}));
      b.expect(two, oracle.product(R, K, C, a, first, {}));
      b.expect(three, oracle.product(R, K, C, a, second, { transB: true }));
    },
  },
  {
    name: 'works for any number of rows, with other products in between',
    run(b) {
      const [K, C] = [6, 9];
      const x = b.normals(K * C);
      const packed = b.k.allocPacked(K, C);
      b.k.pack(packed, b.place('B', K, C, x).matrix, false);
      for (const R of [1, 2, 5, 8]) {
        const a = b.normals(R * K);
        const A = b.place(`A of ${R}`, R, K, a);
        const [out, other] = [b.output(`out of ${R}`, R, C), b.output(`other of ${R}`, R, R)];
        b.k.gemm(other.matrix, A.matrix, A.matrix, { transB: true });
        b.k.gemmPacked(out.matrix, A.matrix, packed, false);
        b.expect(out, oracle.product(R, K, C, a, x, {}));
        b.expect(other, oracle.product(R, K, R, a, a, { transB: true }));
      }
    },
  },
];

const allocPacked: Case[] = [
  {
    name: 'allocates separate buffers of the requested size',
    run(b) {
      const [K, C] = [3, 5];
      const copies = sequence(3).map((i) => {
        const values = b.normals(K * C);
        const packed = b.k.allocPacked(K, C);
        if (packed.rows !== K || packed.cols !== C) fail(`is [${packed.rows}, ${packed.cols}]`);
        b.k.pack(packed, b.place(`B${i}`, K, C, values).matrix, false);
        return { values, packed };
      });
      const a = b.normals(2 * K);
      const A = b.place('A', 2, K, a);
      copies.forEach(({ values, packed }, i) => {
        const out = b.output(`out ${i}`, 2, C);
        b.k.gemmPacked(out.matrix, A.matrix, packed, false);
        b.expect(out, oracle.product(2, K, C, a, values, {}));
      });
    },
  },
];

export const products = {
  gemm,
  allocPacked,
  pack,
  gemmPacked,
} satisfies Record<string, readonly Case[]>;
