/** Elementwise instructions. */
import { both, bySize, type Case } from './shared.js';

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

const multiply = both.flatMap((accumulate) =>
  bySize((b, rows, cols) => {
    const n = rows * cols;
    const [a, c, before] = [b.normals(n), b.normals(n), b.normals(n)];
    const product = (o: readonly number[]) => a.map((v, i) => v * c[i]! + (accumulate ? o[i]! : 0));
    const [A, C] = [b.place('a', rows, cols, a), b.place('b', rows, cols, c)];
    const out = accumulate ? b.place('out', rows, cols, before) : b.output('out', rows, cols);
    b.k.multiply(out.matrix, A.matrix, C.matrix, accumulate);
    b.expect(out, product(before));
    const onto = b.place('in place of a', rows, cols, a);
    b.k.multiply(onto.matrix, onto.matrix, C.matrix, accumulate);
    b.expect(onto, product(a));
    const other = b.place('in place of b', rows, cols, c);
    b.k.multiply(other.matrix, A.matrix, other.matrix, accumulate);
    b.expect(other, product(c));
  }).map(({ name, run }): Case => ({ name: `${name}${accumulate ? ' +=' : ''}`, run })),
);

const combine = bySize((b, rows, cols) => {
  const n = rows * cols;
  const [a, c] = [b.normals(n), b.normals(n)];
  const sum = a.map((v, i) => 0.75 * v - 2.5 * c[i]!);
  const [A, C, out] = [b.place('a', rows, cols, a), b.place('b', rows, cols, c), b.output('out', rows, cols)];
  b.k.combine(out.matrix, 0.75, A.matrix, -2.5, C.matrix);
  b.expect(out, sum);
  const onto = b.place('in place of a', rows, cols, a);
  b.k.combine(onto.matrix, 0.75, onto.matrix, -2.5, C.matrix);
  b.expect(onto, sum);
  const other = b.place('in place of b', rows, cols, c);
  b.k.combine(other.matrix, 0.75, A.matrix, -2.5, other.matrix);
  b.expect(other, sum);
});

export const elements = { fill, copy, add, multiply, combine } satisfies Record<string, readonly Case[]>;
