/** The elementwise part of the LSTM cell. */
import type { Kernels } from '../../../src/contract/kernels.js';
import type { Bench } from '../bench.js';
import * as oracle from '../oracle/index.js';
import { type Case, fail, sequence } from './shared.js';

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

/** Pre-activations of +-1000. The signs are the bits of the unit's index, so that every combination occurs. */
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
    name: 'pre-activations of +-1000 and cells of +-1e4 give 0 (within the smallest normal float32), 1 or -1, without NaN',
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
    name: 'activations from -40 to 40 have an absolute error within the tolerance',
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
    name: 'time steps in blocks of one matrix',
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
    name: 'saturated gates and cells give gradients of exactly 0, without NaN',
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
    name: 'time steps in blocks of one matrix, in reverse order',
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

export const cell = {
  lstmCell,
  lstmCellGrad,
} satisfies Record<string, readonly Case[]>;
