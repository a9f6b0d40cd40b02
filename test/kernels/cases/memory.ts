/** Instructions that allocate, view, write and read memory. */
import { bySize, type Case, fail, sequence } from './shared.js';

const alloc: Case[] = [
  ...bySize(async (b, rows, cols) => {
    const m = b.k.alloc(rows, cols);
    if (m.rows !== rows || m.cols !== cols) fail(`is [${m.rows}, ${m.cols}]`);
    const values = await b.k.download(m);
    if (values.length !== rows * cols || values.some((v: number) => v !== 0)) fail(`not all 0: ${values}`);
    b.k.free(m);
  }),
  {
    name: 'returns zeros in memory that was used before',
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
    name: 'shares the memory of its base',
    async run(b) {
      const base = b.k.alloc(5, 6);
      b.k.upload(base, sequence(30));
      const window = b.k.view(base, 7, 3, 4);
      if (window.rows !== 3 || window.cols !== 4) fail(`is [${window.rows}, ${window.cols}]`);
      const shown = [...(await b.k.download(window))];
      if (shown.join() !== sequence(12, 7).join()) fail(`shows ${shown}`);
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
      if ((await b.k.download(window)).some((v: number) => v !== 2)) fail('does not show what is written to its base');
      b.k.free(base);
    },
  },
  {
    name: 'the offset of a view of a view is relative to that view',
    async run(b) {
      const base = b.k.alloc(1, 40);
      b.k.upload(base, sequence(40));
      const inner = b.k.view(b.k.view(base, 9, 5, 5), 6, 2, 3);
      const shown = [...(await b.k.download(inner))];
      if (shown.join() !== sequence(6, 15).join()) fail(`shows ${shown}`);
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
  if (!(got instanceof Float)) fail(`a ${b.k.precision} backend returned a ${got.constructor.name}`);
  if (got.join() !== Float.from(values).join()) fail(`${got.join()} is not ${values.join()}`);
  b.expect(m, b.exact(values));
});

const download: Case[] = [
  ...transfers,
  {
    name: 'copies the numbers of the moment of the call',
    async run(b) {
      const m = b.k.alloc(2, 3);
      b.k.fill(m, 4);
      const pending = b.k.download(m);
      b.k.fill(m, 5);
      const early = await pending;
      b.k.fill(m, 6);
      if (early.join() !== '4,4,4,4,4,4') fail(`returned ${early}`);
      early.fill(9);
      if ((await b.k.download(m)).join() !== '6,6,6,6,6,6') fail('the result is the live memory, not a copy');
      b.k.free(m);
    },
  },
  {
    name: 'keeps NaN, infinities and -0',
    async run(b) {
      const m = b.k.alloc(1, 4);
      b.k.upload(m, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]);
      const [nan, plus, minus, zero] = await b.k.download(m);
      if (!Number.isNaN(nan) || plus !== Number.POSITIVE_INFINITY || minus !== Number.NEGATIVE_INFINITY)
        fail('NaN or an infinity is lost');
      if (!Object.is(zero, -0)) fail('the sign of 0 is lost');
      b.k.free(m);
    },
  },
];

const upload: Case[] = [
  ...transfers,
  {
    name: 'runs in order with the calls before and after it',
    async run(b) {
      const [a, c] = [b.k.alloc(1, 3), b.k.alloc(1, 3)];
      const source = [1, 2, 3];
      b.k.upload(a, source);
      source[0] = 99; // a later change of the list has no effect
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
    name: 'does not change other matrices',
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
  {
    name: 'freeing twice does not free the next owner of the memory',
    async run(b) {
      for (const make of [() => b.k.alloc(6, 7), () => b.k.allocPacked(6, 7)]) {
        const first = make();
        b.k.free(first);
        const [second, other] = [b.k.alloc(6, 7), b.k.alloc(6, 7)];
        b.k.fill(second, 1);
        b.k.free(first);
        const third = b.k.alloc(6, 7);
        b.k.fill(third, 3);
        if ((await b.k.download(second)).some((v: number) => v !== 1)) fail('its memory was allocated a second time');
        for (const m of [second, other, third]) b.k.free(m);
      }
    },
  },
  {
    name: 'freeing a view does not free its matrix',
    async run(b) {
      const m = b.k.alloc(5, 3);
      b.k.fill(m, 2);
      b.k.free(b.k.view(m, 0, 5, 3));
      const other = b.k.alloc(5, 3);
      b.k.fill(other, 9);
      if ((await b.k.download(m)).some((v: number) => v !== 2)) fail('its memory was allocated a second time');
      b.k.free(other);
      b.k.free(m);
    },
  },
];

/** The memory that the backend reports is the memory that it uses. */
const reported: Case[] = [
  ...bySize(async (b, rows, cols) => {
    const { memory } = b.k;
    const rules = await memory.rules();
    const before = memory.inUse();
    const m = b.k.alloc(rows, cols);
    const after = memory.inUse();
    if (after - before !== rules.matrix(rows, cols)) fail(`alloc took ${after - before} bytes`);
    const packed = b.k.allocPacked(rows, cols);
    const taken = memory.inUse() - after;
    if (taken !== rules.packed(rows, cols)) fail(`allocPacked took ${taken} bytes`);
    const needed = rows * cols * (b.k.precision === 'float32' ? 4 : 8);
    if (rules.matrix(rows, cols) < needed || rules.packed(rows, cols) < needed)
      fail('the rules give less than the numbers need');
    b.k.free(m);
    b.k.free(packed);
  }),
  {
    name: 'a product that is larger than all before grows the workspaces to the size of the rules',
    async run(b) {
      const [R, K, C] = [9, 2100, 37];
      const { memory } = b.k;
      const [out, a, w] = [b.k.alloc(R, C), b.k.alloc(R, K), b.k.alloc(K, C)];
      const workspaces = (await memory.rules()).workspaces.gemm?.(out, a, w) ?? {};
      const total = Object.values(workspaces).reduce((sum, bytes) => sum + bytes, 0);
      b.k.gemm(out, a, w);
      const before = memory.inUse();
      for (let i = 0; i < 3; i++) b.k.gemm(out, a, w);
      if (memory.inUse() > before) fail('repeating the product allocated more');
      if (before < total) fail(`the rules give ${total} bytes, but ${before} are in use`);
      for (const m of [out, a, w]) b.k.free(m);
    },
  },
];

export const memory = {
  memory: reported,
  alloc,
  view,
  free,
  upload,
  download,
} satisfies Record<string, readonly Case[]>;
