/** Element-wise instructions. */
import type { Kernels, Matrix } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { asColumn, rowsOf } from '../record/values.js';
import { at } from '../shaders/indexing.js';

type Elements = Pick<Kernels, 'fill' | 'copy' | 'add' | 'multiply' | 'combine'>;

const sizeOf = (m: Matrix): number => m.rows * m.cols;

/** `out` under the name `o` if an instruction adds to it and it is not known to be all zeros. */
export const addend = (rec: Recorder, out: Matrix, accumulate: boolean): Readonly<Record<string, Matrix>> =>
  accumulate && rec.constantIn(out) !== 0 ? { o: out } : {};

/**
 * `out`, of an expression of the same element of each input; va is input a's. `alone`: matrices of one number, which the
 * expression reads by its name.
 */
export function writeElements(
  rec: Recorder,
  out: Matrix,
  inputs: Readonly<Record<string, Matrix>>,
  expression: string,
  scalars: Readonly<Record<string, number>> = {},
  alone: Readonly<Record<string, Matrix>> = {},
): void {
  const [names, singly] = [Object.keys(inputs), Object.keys(alone)];
  const size = sizeOf(out);
  for (const [from, to] of rec.blocks(size, 1)) {
    const part = (m: Matrix): Matrix => (to - from === size ? m : rowsOf(asColumn(m), from, to));
    const pieces = Object.values(inputs).map((m) => rec.read(part(m)));
    const lanes = rec.lanes(pieces, to - from);
    const body = [
      ...singly.map((name) => `const ${name} = ${at(name, '0')};`),
      ...names.map((name) => lanes.load(`v${name}`, name, 'x')),
      lanes.give((lane) => expression.replace(/\bv([a-z])\b/g, (name) => lanes.get(name, lane))),
    ].join('\n');
    const how = { scalars: Object.keys(scalars), sizes: {}, singly };
    const text = lanes.program([Math.ceil((to - from) / lanes.count)], [...names, ...singly], body, how);
    const all = [...pieces, ...Object.values(alone).map((m) => rec.read(m))];
    rec.write(part(out), rec.call(text, all, Object.values(scalars), to - from));
  }
}

export function elements(rec: Recorder): Elements {
  const plus = (old: object): string => ('o' in old ? 'vo + ' : '');
  const copy: Elements['copy'] = (out, a) => {
    const constant = rec.constantIn(a);
    if (constant !== null) return rec.write(out, rec.constant(sizeOf(out), constant));
    for (const [from, to] of rec.blocks(sizeOf(a), 1)) {
      const { value, shift } = rec.read(rowsOf(asColumn(a), from, to));
      rec.write(rowsOf(asColumn(out), from, to), value, shift);
    }
  };
  return {
    fill: (out, value) => rec.write(out, rec.constant(sizeOf(out), Math.fround(value))),
    copy,
    add(out, a, b) {
      const isZero = [a, b].map((m) => rec.constantIn(m) === 0);
      if (isZero.some(Boolean)) copy(out, isZero[0] ? b : a);
      else writeElements(rec, out, { a, b }, 'va + vb');
    },
    multiply(out, a, b, accumulate) {
      const old = addend(rec, out, accumulate);
      writeElements(rec, out, { a, b, ...old }, `${plus(old)}va * vb`);
    },
    combine: (out, alpha, a, beta, b) => writeElements(rec, out, { a, b }, 'alpha * va + beta * vb', { alpha, beta }),
  };
}
