/** Element-wise instructions. */
import type { Kernels, Matrix } from '../../../contract/kernels.js';
import { asColumn, rowsOf, sizeOf } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import { elementwise } from '../shaders/elements.js';

type Elements = Pick<Kernels, 'fill' | 'copy' | 'add' | 'multiply' | 'combine'>;
type Matrices = Readonly<Record<string, Matrix>>;

/** `out` under the name `o` if an instruction adds to it and it is not known to be all zeros. */
export const addend = (rec: Recorder, out: Matrix, accumulate: boolean): Matrices =>
  accumulate && rec.constantIn(out) !== 0 ? { o: out } : {};

/**
 * Writes an expression of the elements of the inputs: `va` is that of input a. `singles` are matrices of one number,
 * which the expression reads by their names.
 */
export function writeElements(
  rec: Recorder,
  out: Matrix,
  inputs: Matrices,
  expression: string,
  scalars: Readonly<Record<string, number>> = {},
  singles: Matrices = {},
): void {
  const names = { arrays: Object.keys(inputs), scalars: Object.keys(scalars), singles: Object.keys(singles) };
  const size = sizeOf(out);
  for (const [from, to] of rec.blocks(size, 1)) {
    const part = (m: Matrix): Matrix => (to - from === size ? m : rowsOf(asColumn(m), from, to));
    const pieces = rec.readAll(Object.values(inputs).map(part));
    const program = elementwise(to - from, names, expression, rec.lanes(pieces, to - from));
    const all = [...pieces, ...rec.readAll(Object.values(singles))];
    rec.write(part(out), rec.call(program, all, Object.values(scalars), to - from));
  }
}

export function elements(rec: Recorder): Elements {
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
      writeElements(rec, out, { a, b, ...old }, `${'o' in old ? 'vo + ' : ''}va * vb`);
    },
    combine: (out, alpha, a, beta, b) => writeElements(rec, out, { a, b }, 'alpha * va + beta * vb', { alpha, beta }),
  };
}
