/** Whole rows and single elements: moved, gathered, summed. */
import type { Kernels, Matrix } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { asColumn, type Program, rowsOf } from '../record/values.js';
import { at, program } from '../shaders/indexing.js';
import type { Lanes } from '../shaders/lanes.js';

type Rows = Pick<
  Kernels,
  | 'fillRows'
  | 'sumRows'
  | 'gatherRows'
  | 'scatterAddRows'
  | 'scaleRows'
  | 'copyColumns'
  | 'fill'
  | 'copy'
  | 'add'
  | 'multiply'
  | 'combine'
>;

const sizeOf = (m: Matrix): number => m.rows * m.cols;

/** o (C) += the sum of the rows of a (R,C). */
function sumOfRows(R: number, C: number, lanes: Lanes): Program {
  const body = [
    lanes.load('old', 'o', 'x'),
    lanes.each((lane) => `let s${lane} = ${lanes.get('old', lane)};`),
    'for (let r = 0; r < R; r++) {',
    lanes.load('v', 'a', 'r * C + x'),
    lanes.each((lane) => `s${lane} += ${lanes.get('v', lane)};`),
    '}',
    lanes.give((lane) => `s${lane}`),
  ];
  const sizes = { R, C: C / lanes.count };
  return lanes.program([sizes.C], ['o', 'a'], body.join('\n'), { sizes });
}

/**
 * `out`, of an expression of the same element of each input; va is input a's. `alone`: matrices of one number, which the
 * expression reads by its name.
 */
export function elements(
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

export function rows(rec: Recorder): Rows {
  /** The old numbers of `out`, where an instruction adds to them and they are not all 0. */
  const adding = (out: Matrix, accumulate: boolean): Readonly<Record<string, Matrix>> =>
    accumulate && rec.constantIn(out) !== 0 ? { o: out } : {};
  const plus = (old: object): string => ('o' in old ? 'vo + ' : '');
  const copy: Rows['copy'] = (out, a) => {
    const constant = rec.constantIn(a);
    if (constant !== null) return rec.write(out, rec.constant(sizeOf(out), constant));
    for (const [from, to] of rec.blocks(sizeOf(a), 1)) {
      const { value, shift } = rec.read(rowsOf(asColumn(a), from, to));
      rec.write(rowsOf(asColumn(out), from, to), value, shift);
    }
  };
  return {
    fillRows(out, row) {
      for (const [from, to] of rec.blocks(out.rows, out.cols)) {
        const inputs = [rec.read(row)];
        const lanes = rec.lanes(inputs, (to - from) * out.cols, out.cols);
        const body = `${lanes.load('v', 'a', 'x')}\n${lanes.give((lane) => lanes.get('v', lane))}`;
        const text = lanes.program([out.cols / lanes.count, to - from], ['a'], body, { sizes: {} });
        rec.write(rowsOf(out, from, to), rec.call(text, inputs));
      }
    },
    sumRows(out, a) {
      const C = a.cols;
      for (const [from, to] of rec.stretches([a], C)) {
        const inputs = [rec.read(out), rec.read(rowsOf(a, from, to))];
        rec.write(out, rec.call(sumOfRows(to - from, C, rec.lanes(inputs, C, C)), inputs));
      }
    },
    gatherRows(out, table, ids) {
      const text = program([out.cols, out.rows], ['t', 'i'], `return ${at('t', `${at('i', 'y')} * ${out.cols} + x`)};`);
      rec.write(out, rec.call(text, [rec.read(table), rec.host(Float32Array.from(ids.subarray(0, out.rows)))]));
    },
    scatterAddRows(table, ids, a) {
      const [V, R, C] = [table.rows, a.rows, a.cols];
      // The rows by their number, in order: where each number's begin, and which they are.
      const begins = new Float32Array(V + 1);
      for (let r = 0; r < R; r++) begins[ids[r]! + 1]!++;
      for (let v = 0; v < V; v++) begins[v + 1]! += begins[v]!;
      const next = begins.slice();
      const order = new Float32Array(R);
      for (let r = 0; r < R; r++) order[next[ids[r]!]!++] = r;
      const body = [
        `let s = ${at('t', `y * ${C} + x`)};`,
        `const end = ${at('b', 'y + 1')};`,
        `for (let n = ${at('b', 'y')}; n < end; n += 1) { s += ${at('a', `${at('r', 'n')} * ${C} + x`)}; }`,
        'return s;',
      ].join('\n');
      const text = program([C, V], ['t', 'a', 'b', 'r'], body);
      rec.write(table, rec.call(text, [rec.read(table), rec.read(a), rec.host(begins), rec.host(order)]));
    },
    scaleRows(out, a, factors, accumulate) {
      const old = adding(out, accumulate);
      const here = `y * ${out.cols} + x`;
      const sum = 'o' in old ? `${at('o', here)} + ` : '';
      const text = program(
        [out.cols, out.rows],
        ['a', 'f', ...Object.keys(old)],
        `return ${sum}${at('a', here)} * ${at('f', 'y')};`,
      );
      rec.write(out, rec.call(text, [rec.read(a), rec.read(factors), ...Object.values(old).map((m) => rec.read(m))]));
    },
    copyColumns(out, to, a, from, cols, accumulate) {
      const here = at('o', `y * ${out.cols} + x`);
      const there = at('a', `y * ${a.cols} + x - ${to - from}`);
      const body = `if (x < ${to}) { return ${here}; }\nif (x >= ${to + cols}) { return ${here}; }\nreturn ${accumulate ? `${here} + ` : ''}${there};`;
      const text = program([out.cols, out.rows], ['o', 'a'], body);
      rec.write(out, rec.call(text, [rec.read(out), rec.read(a)]));
    },
    fill: (out, value) => rec.write(out, rec.constant(sizeOf(out), Math.fround(value))),
    copy,
    add(out, a, b) {
      const isZero = [a, b].map((m) => rec.constantIn(m) === 0);
      if (isZero.some(Boolean)) copy(out, isZero[0] ? b : a);
      else elements(rec, out, { a, b }, 'va + vb');
    },
    multiply(out, a, b, accumulate) {
      const old = adding(out, accumulate);
      elements(rec, out, { a, b, ...old }, `${plus(old)}va * vb`);
    },
    combine: (out, alpha, a, beta, b) => elements(rec, out, { a, b }, 'alpha * va + beta * vb', { alpha, beta }),
  };
}
