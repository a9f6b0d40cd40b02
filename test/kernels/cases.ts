/** Every instruction of `Kernels` by shapes and settings: what a backend is asked, and what the oracle says. */
import type { AdamOptions, CrossEntropyOptions, Kernels, SgdOptions } from '../../src/core/kernels.js';
import type { Bench } from './bench.js';
import * as oracle from './oracle.js';

export interface Case {
  readonly name: string;
  /** Places operands, calls the instruction, says what is expected; the suite then verifies all of the bench. */
  run(b: Bench): void | Promise<void>;
}

/** `host` is no instruction: a backend may answer null. */
export type Instruction = Exclude<keyof Kernels, 'name' | 'variant' | 'threads' | 'precision' | 'host' | 'dispose'>;

const fail = (message: string): never => {
  throw new Error(message);
};

const sequence = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

/** [R, K, C]: ones, odd sizes, whole tiles and one more, nothing to sum, and around a K block of 512. */
const PRODUCTS: readonly (readonly [number, number, number])[] = [
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

const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 7],
  [6, 1],
  [3, 5],
  [4, 8],
  [5, 33],
  [17, 4],
  [1, 1003],
];

const bySize = (run: (b: Bench, rows: number, cols: number) => void | Promise<void>): Case[] =>
  SIZES.map(([rows, cols]) => ({ name: `${rows}x${cols}`, run: (b) => run(b, rows, cols) }));

const both = [false, true] as const;

// ---------------------------------------------------------------- memory

const alloc: Case[] = [
  ...bySize(async (b, rows, cols) => {
    const m = b.k.alloc(rows, cols);
    if (m.rows !== rows || m.cols !== cols) fail(`is [${m.rows}, ${m.cols}]`);
    const values = await b.k.download(m);
    if (values.length !== rows * cols || values.some((v: number) => v !== 0)) fail(`not all 0: ${values}`);
    b.k.free(m);
  }),
  {
    name: 'gives zeros where something else was freed',
    async run(b) {
      for (let round = 0; round < 5; round++) {
        const m = b.k.alloc(13, 11);
        const values = await b.k.download(m);
        if (values.some((v: number) => v !== 0)) fail(`not all 0 in round ${round}`);
        b.k.fill(m, 7);
        b.k.free(m);
      }
    },
  },
];

const view: Case[] = [
  {
    name: 'shares the memory, whatever its shape',
    async run(b) {
      const base = b.k.alloc(5, 6);
      b.k.upload(base, sequence(30));
      const window = b.k.view(base, 7, 3, 4);
      if (window.rows !== 3 || window.cols !== 4) fail(`is [${window.rows}, ${window.cols}]`);
      const seen = [...(await b.k.download(window))];
      if (seen.join() !== sequence(12, 7).join()) fail(`sees ${seen}`);
      b.k.fill(window, -1);
      const all = [...(await b.k.download(base))];
      if (
        all.join() !==
        sequence(30)
          .map((v) => (v >= 7 && v < 19 ? -1 : v))
          .join()
      )
        fail(`wrote ${all}`);
      b.k.fill(base, 2);
      if ((await b.k.download(window)).some((v: number) => v !== 2)) fail('does not see what is written to its base');
      b.k.free(base);
    },
  },
  {
    name: 'of a view counts from that view',
    async run(b) {
      const base = b.k.alloc(1, 40);
      b.k.upload(base, sequence(40));
      const inner = b.k.view(b.k.view(base, 9, 5, 5), 6, 2, 3);
      const seen = [...(await b.k.download(inner))];
      if (seen.join() !== sequence(6, 15).join()) fail(`sees ${seen}`);
      b.k.free(base);
    },
  },
];

const transfers: Case[] = bySize(async (b, rows, cols) => {
  const values = b.random.normals(rows * cols);
  const m = b.place('m', rows, cols, new Array<number>(rows * cols).fill(Number.NaN));
  b.k.upload(m.matrix, values);
  const got = await b.k.download(m.matrix);
  const Float = b.k.precision === 'float32' ? Float32Array : Float64Array;
  if (!(got instanceof Float)) fail(`a ${b.k.precision} backend gave a ${got.constructor.name}`);
  if (got.join() !== Float.from(values).join()) fail(`${got.join()} is not ${values.join()}`);
  b.expect(m, b.exact(values));
});

const download: Case[] = [
  ...transfers,
  {
    name: 'is a copy of what stood there in that moment',
    async run(b) {
      const m = b.k.alloc(2, 3);
      b.k.fill(m, 4);
      const pending = b.k.download(m);
      b.k.fill(m, 5);
      const early = await pending;
      b.k.fill(m, 6);
      if (early.join() !== '4,4,4,4,4,4') fail(`saw ${early}`);
      early.fill(9);
      if ((await b.k.download(m)).join() !== '6,6,6,6,6,6') fail('the copy is the live memory');
      b.k.free(m);
    },
  },
  {
    name: 'keeps NaN, infinities and -0',
    async run(b) {
      const m = b.k.alloc(1, 4);
      b.k.upload(m, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]);
      const [nan, plus, minus, zero] = await b.k.download(m);
      if (!Number.isNaN(nan) || plus !== Number.POSITIVE_INFINITY || minus !== Number.NEGATIVE_INFINITY) fail('lost');
      if (!Object.is(zero, -0)) fail('the sign of 0 is lost');
      b.k.free(m);
    },
  },
];

const upload: Case[] = [
  ...transfers,
  {
    name: 'comes in order with the calls around it',
    async run(b) {
      const [a, c] = [b.k.alloc(1, 3), b.k.alloc(1, 3)];
      const source = [1, 2, 3];
      b.k.upload(a, source);
      source[0] = 99; // what the caller does with its list afterwards is its own affair
      b.k.copy(c, a);
      b.k.upload(a, [4, 5, 6]);
      b.k.add(a, a, c);
      if ((await b.k.download(a)).join() !== '5,7,9') fail(`${await b.k.download(a)}`);
      if ((await b.k.download(c)).join() !== '1,2,3') fail(`${await b.k.download(c)}`);
      b.k.free(a);
      b.k.free(c);
    },
  },
];

const free: Case[] = [
  {
    name: 'leaves other matrices alone',
    async run(b) {
      const made = sequence(6).map((i) => b.k.alloc(i + 1, 7));
      made.forEach((m, i) => {
        b.k.fill(m, i);
      });
      for (const i of [1, 4]) b.k.free(made[i]!);
      const again = b.k.alloc(3, 5);
      b.k.fill(again, 50);
      for (const i of [0, 2, 3, 5]) {
        const values = await b.k.download(made[i]!);
        if (values.length !== (i + 1) * 7 || values.some((v: number) => v !== i)) fail(`matrix ${i} is now ${values}`);
      }
      for (const i of [0, 2, 3, 5]) b.k.free(made[i]!);
      b.k.free(again);
    },
  },
];

// ---------------------------------------------------------------- products

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
    name: 'a NaN or infinity reaches its row or column, though it meets zeros, and no other',
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
    name: 'a big product leaves nothing behind for the small one after it',
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
    name: 'keeps what it packed, and can be packed again',
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
    name: 'serves products of any number of rows, and other products between',
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
    name: 'makes rooms of their own, of the size that is asked for',
    run(b) {
      const [K, C] = [3, 5];
      const rooms = sequence(3).map((i) => {
        const values = b.normals(K * C);
        const packed = b.k.allocPacked(K, C);
        if (packed.rows !== K || packed.cols !== C) fail(`is [${packed.rows}, ${packed.cols}]`);
        b.k.pack(packed, b.place(`B${i}`, K, C, values).matrix, false);
        return { values, packed };
      });
      const a = b.normals(2 * K);
      const A = b.place('A', 2, K, a);
      rooms.forEach(({ values, packed }, i) => {
        const out = b.output(`out ${i}`, 2, C);
        b.k.gemmPacked(out.matrix, A.matrix, packed, false);
        b.expect(out, oracle.product(2, K, C, a, values, {}));
      });
    },
  },
];

// ---------------------------------------------------------------- rows and elements

const fillRows = bySize((b, rows, cols) => {
  const row = b.normals(cols);
  const out = b.output('out', rows, cols);
  b.k.fillRows(out.matrix, b.place('row', 1, cols, row).matrix);
  b.expect(
    out,
    sequence(rows).flatMap(() => row),
  );
});

const sumRows = bySize((b, rows, cols) => {
  const [a, before] = [b.normals(rows * cols), b.normals(cols)];
  const out = b.place('out', 1, cols, before);
  b.k.sumRows(out.matrix, b.place('a', rows, cols, a).matrix);
  b.expect(
    out,
    before.map((v, c) => sequence(rows).reduce((sum, r) => sum + a[r * cols + c]!, v)),
  );
});

/** Vocabulary, rows read, width: fewer and more rows than there are in the table, so that some come again. */
const TABLES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 5, 3],
  [7, 3, 4],
  [5, 23, 1],
  [11, 40, 9],
  [3, 17, 33],
];

const gatherRows = TABLES.map(
  ([V, R, C]): Case => ({
    name: `${R} of ${V}x${C}`,
    run(b) {
      const table = b.normals(V * C);
      const ids = b.random.integers(R, V);
      const out = b.output('out', R, C);
      b.k.gatherRows(out.matrix, b.place('table', V, C, table).matrix, ids);
      b.expect(
        out,
        [...ids].flatMap((id) => table.slice(id * C, (id + 1) * C)),
      );
    },
  }),
);

const scatterAddRows = TABLES.map(
  ([V, R, C]): Case => ({
    name: `${R} to ${V}x${C}`,
    run(b) {
      const [a, before] = [b.normals(R * C), b.normals(V * C)];
      const ids = b.random.integers(R, V);
      const table = b.place('table', V, C, before);
      b.k.scatterAddRows(table.matrix, ids, b.place('a', R, C, a).matrix);
      const expected = [...before];
      ids.forEach((id, r) => {
        for (let c = 0; c < C; c++) expected[id * C + c]! += a[r * C + c]!;
      });
      b.expect(table, expected);
    },
  }),
);

const fill = bySize((b, rows, cols) => {
  const out = b.output('out', rows, cols);
  const value = cols === 7 ? 0 : -2.5;
  b.k.fill(out.matrix, value);
  b.expect(out, new Array<number>(rows * cols).fill(value));
});

const copy = bySize((b, rows, cols) => {
  const a = b.normals(rows * cols);
  const out = b.output('out', rows, cols);
  b.k.copy(out.matrix, b.place('a', rows, cols, a).matrix);
  b.expect(out, a);
});

const add = bySize((b, rows, cols) => {
  const n = rows * cols;
  const [a, c] = [b.normals(n), b.normals(n)];
  const sum = a.map((v, i) => v + c[i]!);
  const [A, C, out] = [b.place('a', rows, cols, a), b.place('b', rows, cols, c), b.output('out', rows, cols)];
  b.k.add(out.matrix, A.matrix, C.matrix);
  b.expect(out, sum);
  const onto = b.place('in place of a', rows, cols, a);
  b.k.add(onto.matrix, onto.matrix, C.matrix);
  b.expect(onto, sum);
  const other = b.place('in place of b', rows, cols, c);
  b.k.add(other.matrix, A.matrix, other.matrix);
  b.expect(other, sum);
  const twice = b.place('in place of both', rows, cols, a);
  b.k.add(twice.matrix, twice.matrix, twice.matrix);
  b.expect(
    twice,
    a.map((v) => 2 * v),
  );
});

// ---------------------------------------------------------------- the LSTM cell

const CELLS: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 8],
  [6, 1],
  [2, 3],
  [3, 4],
  [5, 7],
  [4, 33],
];

const runCell = (b: Bench, N: number, H: number, a: number[], cBefore: number[]) => {
  const gates = b.place('gates', N, 4 * H, a);
  const [c, h] = [b.output('c', N, H), b.output('h', N, H)];
  const before = b.place('c-', N, H, cBefore);
  b.k.lstmCell({ gates: gates.matrix, c: c.matrix, h: h.matrix }, before.matrix);
  const expected = oracle.cell(N, H, a, cBefore);
  b.expect(gates, expected.gates);
  b.expect(c, expected.c);
  b.expect(h, expected.h);
  return { gates, c, h };
};

/** Pre-activations of +-1000: each gate's sign is one bit of the unit's number, so that every combination is met. */
const everyEnd = (N: number, H: number): number[] =>
  sequence(N * 4 * H).map((at) => (((at % H) >> (Math.floor(at / H) % 4)) & 1 ? 1000 : -1000));

const lstmCell: Case[] = [
  ...CELLS.map(
    ([N, H]): Case => ({
      name: `${N}x${H}`,
      run: (b) => void runCell(b, N, H, b.normals(4 * N * H, 2), b.normals(N * H)),
    }),
  ),
  {
    name: 'pre-activations of +-1000, cells of +-1e4: 0 (to within the smallest normal float32), 1 and -1, no NaN',
    async run(b) {
      const [N, H] = [2, 16];
      const a = everyEnd(N, H);
      const cBefore = sequence(N * H).map((at) => (at % 3 === 0 ? 1e4 : at % 3 === 1 ? -1e4 : 0));
      const { gates, h } = runCell(b, N, H, a, cBefore);
      const got = await b.read(gates);
      got.forEach((v, at) => {
        const low = Math.floor(at / H) % 4 === 2 ? -1 : 0;
        if (Math.abs(v - (a[at]! > 0 ? 1 : low)) > 2 ** -126)
          fail(`activation of ${a[at]} in column ${at % (4 * H)} is ${v}`);
      });
      if ((await b.read(h)).some((v) => !Number.isFinite(v) || Math.abs(v) > 1)) fail('h is not in [-1, 1]');
    },
  },
  {
    name: 'every activation from -40 to 40, each within the tolerance of 1',
    async run(b) {
      const H = 161;
      const z = b.exact(sequence(H).map((j) => (j - 80) / 2));
      const { gates } = runCell(b, 1, H, [...z, ...z, ...z, ...z], b.normals(H));
      const got = await b.read(gates);
      got.forEach((v, at) => {
        const wanted = Math.floor(at / H) === 2 ? Math.tanh(z[at % H]!) : oracle.logistic(z[at % H]!);
        if (!(Math.abs(v - wanted) <= b.tolerance)) fail(`${z[at % H]} became ${v}, not ${wanted}`);
        if (Math.abs(v) > 1) fail(`${z[at % H]} became ${v}, over 1`);
      });
    },
  },
  {
    name: 'steps over blocks of one matrix',
    run(b) {
      const [T, N, H] = [3, 2, 5];
      const a = b.normals(T * N * 4 * H);
      const start = b.normals(N * H);
      const gates = b.place('gates', T * N, 4 * H, a);
      const c = b.place('c', (T + 1) * N, H, [...start, ...new Array<number>(T * N * H).fill(Number.NaN)]);
      const h = b.output('h', T * N, H);
      const expected = { gates: [] as number[], c: [...start], h: [] as number[] };
      for (let t = 0; t < T; t++) {
        b.k.lstmCell(
          {
            gates: b.k.view(gates.matrix, t * N * 4 * H, N, 4 * H),
            c: b.k.view(c.matrix, (t + 1) * N * H, N, H),
            h: b.k.view(h.matrix, t * N * H, N, H),
          },
          b.k.view(c.matrix, t * N * H, N, H),
        );
        const step = oracle.cell(N, H, a.slice(t * N * 4 * H, (t + 1) * N * 4 * H), expected.c.slice(-N * H));
        expected.gates.push(...step.gates);
        expected.c.push(...step.c);
        expected.h.push(...step.h);
      }
      b.expect(gates, expected.gates);
      b.expect(c, expected.c);
      b.expect(h, expected.h);
    },
  },
];

const runCellGrad = (b: Bench, N: number, H: number, values: oracle.CellValues, cBefore: number[], scale = 1) => {
  const [dh, dcAfter] = [b.normals(N * H, scale), b.normals(N * H, scale)];
  const y = {
    gates: b.place('gates', N, 4 * H, values.gates).matrix,
    c: b.place('c', N, H, values.c).matrix,
    h: b.place('h', N, H, values.h).matrix,
  };
  const d = { gates: b.output('da', N, 4 * H), c: b.place('dc', N, H, dcAfter), h: b.place('dh', N, H, dh) };
  const dcPrev = b.output('dc-', N, H);
  const before = b.place('c-', N, H, cBefore);
  b.k.lstmCellGrad({ gates: d.gates.matrix, c: d.c.matrix, h: d.h.matrix }, dcPrev.matrix, y, before.matrix);
  const expected = oracle.cellGrad(N, H, dh, dcAfter, values, cBefore);
  b.expect(d.gates, expected.da);
  b.expect(d.c, expected.dc);
  b.expect(dcPrev, expected.dcBefore);
  return { d, dcPrev };
};

const lstmCellGrad: Case[] = [
  ...CELLS.map(
    ([N, H]): Case => ({
      name: `${N}x${H}`,
      run(b) {
        const cBefore = b.normals(N * H);
        const values = oracle.cell(N, H, b.normals(4 * N * H), cBefore);
        const [gates, c, h] = [b.exact(values.gates), b.exact(values.c), b.exact(values.h)];
        runCellGrad(b, N, H, { gates, c, h }, cBefore);
      },
    }),
  ),
  {
    name: 'saturated gates and cells: gradients exactly 0, no NaN',
    async run(b) {
      const [N, H] = [2, 16];
      const a = everyEnd(N, H);
      const cBefore = sequence(N * H).map((at) => (at % 2 ? 1e4 : -1e4));
      const { d } = runCellGrad(b, N, H, oracle.cell(N, H, a, cBefore), cBefore, 100);
      const da = await b.read(d.gates);
      if (da.some((v) => v !== 0)) fail(`da is ${da.filter((v) => v !== 0)}`);
    },
  },
  {
    name: 'steps over blocks of one matrix, last first',
    run(b) {
      const [T, N, H] = [3, 2, 5];
      const [nh, n4] = [N * H, N * 4 * H];
      const y = { gates: [] as number[], c: b.normals(nh), h: [] as number[] };
      for (let t = 0; t < T; t++) {
        const step = oracle.cell(N, H, b.normals(n4), y.c.slice(-nh));
        y.gates.push(...b.exact(step.gates));
        y.c.push(...b.exact(step.c));
        y.h.push(...b.exact(step.h));
      }
      const [dh, last] = [b.normals(T * nh), b.normals(nh)];
      const unwritten = new Array<number>(T * nh).fill(Number.NaN);
      const m = {
        gates: b.place('gates', T * N, 4 * H, y.gates),
        c: b.place('c', (T + 1) * N, H, y.c),
        h: b.place('h', T * N, H, y.h),
        dh: b.place('dh', T * N, H, dh),
      };
      const da = b.output('da', T * N, 4 * H);
      const dc = b.place('dc', (T + 1) * N, H, [...unwritten, ...last]);
      const block = (of: { matrix: Parameters<Kernels['view']>[0] }, t: number) =>
        b.k.view(of.matrix, t * N * of.matrix.cols, N, of.matrix.cols);
      const expected = { da: [] as number[], dc: last };
      for (let t = T - 1; t >= 0; t--) {
        const step = { gates: block(m.gates, t), c: block(m.c, t + 1), h: block(m.h, t) };
        const d = { gates: block(da, t), c: block(dc, t + 1), h: block(m.dh, t) };
        b.k.lstmCellGrad(d, block(dc, t), step, block(m.c, t));
        const cut = (list: readonly number[], at: number, size: number) => list.slice(at * size, (at + 1) * size);
        const values = { gates: cut(y.gates, t, n4), c: cut(y.c, t + 1, nh), h: cut(y.h, t, nh) };
        const want = oracle.cellGrad(N, H, cut(dh, t, nh), expected.dc.slice(0, nh), values, cut(y.c, t, nh));
        expected.da.unshift(...want.da);
        expected.dc = [...want.dcBefore, ...want.dc, ...expected.dc.slice(nh)];
      }
      b.expect(da, expected.da);
      b.expect(dc, expected.dc);
    },
  },
];

// ---------------------------------------------------------------- losses

interface ClassCase {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly options?: (b: Bench) => CrossEntropyOptions;
  readonly logits?: (b: Bench, count: number) => number[];
  readonly ignored?: number;
}

const weights = (cols: number) => (b: Bench) => ({ classWeights: sequence(cols).map(() => 0.25 + b.random.uniform()) });

const CLASS_CASES: readonly ClassCase[] = [
  { name: '1x1', rows: 1, cols: 1 },
  { name: '1x2', rows: 1, cols: 2 },
  { name: '5x3', rows: 5, cols: 3 },
  { name: '7x33', rows: 7, cols: 33 },
  { name: '4x130', rows: 4, cols: 130 },
  { name: '5x7 sum', rows: 5, cols: 7, options: () => ({ reduction: 'sum' }) },
  { name: '6x5 with rows of -1', rows: 6, cols: 5, ignored: -1 },
  { name: '6x5 with rows of -1, sum', rows: 6, cols: 5, ignored: -1, options: () => ({ reduction: 'sum' }) },
  { name: '9x4 that ignores class 2', rows: 9, cols: 4, ignored: 2, options: () => ({ ignoreIndex: 2 }) },
  { name: '7x5 weighted', rows: 7, cols: 5, options: weights(5) },
  {
    name: '7x5 weighted, sum',
    rows: 7,
    cols: 5,
    options: (b) => ({ ...weights(5)(b), reduction: 'sum' }),
  },
  {
    name: '8x3 with a class of weight 0',
    rows: 8,
    cols: 3,
    options: () => ({ classWeights: [0, 2, 1.5] }),
  },
  { name: '7x5 smoothed', rows: 7, cols: 5, options: () => ({ labelSmoothing: 0.1 }) },
  { name: '3x6 smoothed to nothing', rows: 3, cols: 6, options: () => ({ labelSmoothing: 1 }) },
  {
    name: '9x5 weighted, smoothed, with rows of -1',
    rows: 9,
    cols: 5,
    ignored: -1,
    options: (b) => ({ ...weights(5)(b), labelSmoothing: 0.3 }),
  },
  {
    name: '9x5 weighted, smoothed, with rows of -1, sum',
    rows: 9,
    cols: 5,
    ignored: -1,
    options: (b) => ({ ...weights(5)(b), labelSmoothing: 0.3, reduction: 'sum' }),
  },
  { name: '6x5 logits times 400', rows: 6, cols: 5, logits: (b, n) => b.normals(n, 400) },
  { name: '4x6 logits at 10000', rows: 4, cols: 6, logits: (b, n) => b.exact(b.normals(n).map((v) => 1e4 + v)) },
  { name: '4x6 logits at -10000', rows: 4, cols: 6, logits: (b, n) => b.exact(b.normals(n).map((v) => v - 1e4)) },
  { name: '3x5 logits of 0', rows: 3, cols: 5, logits: (_, n) => new Array<number>(n).fill(0) },
  {
    name: '6x5 logits times 400, smoothed',
    rows: 6,
    cols: 5,
    logits: (b, n) => b.normals(n, 400),
    options: () => ({ labelSmoothing: 0.1 }),
  },
];

function classCase(b: Bench, { rows, cols, options, logits, ignored }: ClassCase) {
  const z = logits ? logits(b, rows * cols) : b.normals(rows * cols, 2);
  const targets = b.random.integers(rows, cols);
  if (ignored !== undefined) for (let r = 1; r < rows; r += 3) targets[r] = ignored;
  const settings = options?.(b);
  if (ignored !== undefined && targets.every((t) => t === ignored)) fail('nothing is left to measure');
  return { z, targets, settings, expected: oracle.crossEntropy(rows, cols, z, targets, settings) };
}

const softmaxCrossEntropy = CLASS_CASES.map(
  (c): Case => ({
    name: c.name,
    run(b) {
      const { z, targets, settings, expected } = classCase(b, c);
      const [loss, p] = [b.output('loss', 1, 1), b.output('probabilities', c.rows, c.cols)];
      const logits = b.place('logits', c.rows, c.cols, z);
      b.k.softmaxCrossEntropy(loss.matrix, p.matrix, logits.matrix, targets, settings);
      b.expect(loss, [expected.loss]);
      b.expect(p, expected.probabilities);
    },
  }),
);

const softmaxCrossEntropyGrad = CLASS_CASES.map(
  (c): Case => ({
    name: c.name,
    async run(b) {
      const { targets, settings, expected } = classCase(b, c);
      const p = b.place('probabilities', c.rows, c.cols, b.exact(expected.probabilities));
      const dz = b.output('dlogits', c.rows, c.cols);
      b.k.softmaxCrossEntropyGrad(dz.matrix, p.matrix, targets, settings);
      b.expect(dz, expected.gradient);
      const got = await b.read(dz);
      targets.forEach((t, r) => {
        if (t === c.ignored && got.slice(r * c.cols, (r + 1) * c.cols).some((v) => v !== 0)) fail(`row ${r} is not 0`);
      });
    },
  }),
);

type Measure = (values: readonly number[], target: readonly number[]) => { loss: number; gradient: number[] };

function valueLoss(
  value: 'meanSquaredError' | 'binaryCrossEntropy',
  measure: Measure,
  targets: (b: Bench, n: number) => number[],
  extremes: readonly number[],
): [Case[], Case[]] {
  const inputs = [
    ...SIZES.map(([rows, cols]) => ({
      name: `${rows}x${cols}`,
      rows,
      cols,
      y: (b: Bench) => b.normals(rows * cols, 2),
    })),
    { name: `of ${extremes}`, rows: 2, cols: extremes.length, y: () => [...extremes, ...extremes] },
  ];
  const loss = inputs.map(
    ({ name, rows, cols, y }): Case => ({
      name,
      run(b) {
        const [a, t] = [y(b), targets(b, rows * cols)];
        const out = b.output('loss', 1, 1);
        b.k[value](out.matrix, b.place('y', rows, cols, a).matrix, b.place('target', rows, cols, t).matrix);
        b.expect(out, [measure(a, t).loss]);
      },
    }),
  );
  const gradient = inputs.map(
    ({ name, rows, cols, y }): Case => ({
      name,
      run(b) {
        const [a, t] = [y(b), targets(b, rows * cols)];
        const out = b.output('dy', rows, cols);
        const [Y, target] = [b.place('y', rows, cols, a), b.place('target', rows, cols, t)];
        b.k[`${value}Grad`](out.matrix, Y.matrix, target.matrix);
        b.expect(out, measure(a, t).gradient);
      },
    }),
  );
  return [loss, gradient];
}

const [meanSquaredError, meanSquaredErrorGrad] = valueLoss(
  'meanSquaredError',
  oracle.squaredError,
  (b, n) => b.normals(n),
  [0, 1e6, -1e6, 1e-6],
);

const [binaryCrossEntropy, binaryCrossEntropyGrad] = valueLoss(
  'binaryCrossEntropy',
  oracle.binaryCrossEntropy,
  (b, n) => b.exact(sequence(n).map((i) => [0, 1, 0.5, b.random.uniform()][(i * 7 + Math.floor(i / 5)) % 4]!)),
  [0, 1000, -1000, 90, -90],
);

// ---------------------------------------------------------------- parameter updates

const LENGTHS = [1, 3, 8, 17, 1003];

const clipNorm: Case[] = [
  ...LENGTHS.flatMap((n) =>
    [
      { name: 'over the limit', limit: 0.25 },
      { name: 'under the limit', limit: 1e4 },
      { name: 'without a limit', limit: Number.POSITIVE_INFINITY },
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
          if (norm > limit) b.expect(vector, clipped); // else not one bit may change
        },
      }),
    ),
  ),
  {
    name: 'a little under the limit is left to the bit',
    run(b) {
      const values = b.normals(19);
      const { norm } = oracle.clippedNorm(values, 1);
      const [length, vector] = [b.output('norm', 1, 1), b.place('a', 1, 19, values)];
      b.k.clipNorm(length.matrix, vector.matrix, 1.25 * norm);
      b.expect(length, [norm]);
    },
  },
  {
    name: 'of zeros is 0 and leaves them',
    run(b) {
      const [length, vector] = [b.output('norm', 1, 1), b.place('a', 3, 5, new Array<number>(15).fill(0))];
      b.k.clipNorm(length.matrix, vector.matrix, 1);
      b.expect(length, [0]);
    },
  },
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
    (bad): Case => ({
      name: `of a ${bad} is not finite`,
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
    name: 'cuts at exactly the limit, and a NaN stays to be seen',
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

const SGD = { rate: 0.3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, first: false };

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
        const remembers = options.momentum > 0;
        const W = b.place('w', 1, n, w);
        const velocity = options.first ? b.output('velocity', 1, n) : b.place('velocity', 1, n, u);
        b.k.sgdUpdate(W.matrix, b.place('g', 1, n, g).matrix, remembers ? velocity.matrix : null, options);
        const expected = oracle.sgdStep(w, g, remembers ? u : null, options);
        b.expect(W, expected.w);
        if (expected.velocity) b.expect(velocity, expected.velocity);
      },
    }),
  ),
);

const ADAM: AdamOptions = {
  rate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  decoupled: false,
  step: 7,
};

const ADAM_SETTINGS: Readonly<Record<string, Partial<AdamOptions>>> = {
  'at step 1': { step: 1 },
  'at step 7': {},
  'at step 100000': { step: 100_000 },
  'other betas, big eps': { beta1: 0.5, beta2: 0.8, eps: 0.1 },
  'no memory': { beta1: 0, beta2: 0 },
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
        const m = options.step === 1 ? new Array<number>(n).fill(0) : b.normals(n);
        const v = options.step === 1 ? m : b.exact(b.normals(n).map((x) => x * x));
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

/** One entry an instruction: the type makes a missing one an error. */
export const CASES: Readonly<Record<Instruction, readonly Case[]>> = {
  alloc,
  view,
  free,
  upload,
  download,
  gemm,
  allocPacked,
  pack,
  gemmPacked,
  fillRows,
  sumRows,
  gatherRows,
  scatterAddRows,
  fill,
  copy,
  add,
  lstmCell,
  lstmCellGrad,
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  meanSquaredError,
  meanSquaredErrorGrad,
  binaryCrossEntropy,
  binaryCrossEntropyGrad,
  clipNorm,
  clipValue,
  sgdUpdate,
  adamUpdate,
};
