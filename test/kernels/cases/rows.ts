/** Instructions on rows and columns. */
import { both, bySize, type Case, sequence } from './shared.js';

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

/** [vocabulary, rows, width]: fewer and more rows than the table has, so that some rows occur several times. */
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

const scaleRows = both.flatMap((accumulate) =>
  bySize((b, rows, cols) => {
    const [a, factors, before] = [b.normals(rows * cols), b.normals(rows), b.normals(rows * cols)];
    const scaled = (o: readonly number[]) =>
      a.map((v, i) => v * factors[Math.floor(i / cols)]! + (accumulate ? o[i]! : 0));
    const [A, F] = [b.place('a', rows, cols, a), b.place('factors', rows, 1, factors)];
    const out = accumulate ? b.place('out', rows, cols, before) : b.output('out', rows, cols);
    b.k.scaleRows(out.matrix, A.matrix, F.matrix, accumulate);
    b.expect(out, scaled(before));
    const onto = b.place('in place', rows, cols, a);
    b.k.scaleRows(onto.matrix, onto.matrix, F.matrix, accumulate);
    b.expect(onto, scaled(a));
  }).map(({ name, run }): Case => ({ name: `${name}${accumulate ? ' +=' : ''}`, run })),
);

/** [rows, columns of out, columns of a, first column of out, first column of a, width]. */
const COLUMN_RANGES: readonly (readonly [number, number, number, number, number, number])[] = [
  [1, 1, 1, 0, 0, 1],
  [3, 8, 5, 2, 0, 5],
  [4, 12, 12, 9, 3, 3],
  [5, 33, 40, 1, 20, 19],
  [2, 7, 6, 0, 2, 4],
];

const copyColumns = both.flatMap((accumulate) =>
  COLUMN_RANGES.map(
    ([R, C, D, to, from, n]): Case => ({
      name: `${n} of ${R}x${D} to ${R}x${C}${accumulate ? ' +=' : ''}`,
      run(b) {
        const [a, before] = [b.normals(R * D), b.normals(R * C)];
        const out = b.place('out', R, C, before);
        b.k.copyColumns(out.matrix, b.place('a', R, D, a).matrix, { from, to, count: n }, accumulate);
        b.expect(
          out,
          before.map((v, i) => {
            const [r, c] = [Math.floor(i / C), (i % C) - to];
            return c < 0 || c >= n ? v : a[r * D + from + c]! + (accumulate ? v : 0);
          }),
        );
      },
    }),
  ),
);

export const rows = {
  fillRows,
  sumRows,
  gatherRows,
  scatterAddRows,
  scaleRows,
  copyColumns,
} satisfies Record<string, readonly Case[]>;
