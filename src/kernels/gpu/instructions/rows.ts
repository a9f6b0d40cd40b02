/** Whole rows: moved, gathered, summed. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { rowsOf } from '../record/values.js';
import { at } from '../shaders/indexing.js';
import type { Lanes } from '../shaders/lanes.js';
import { type Program, program } from '../shaders/program.js';
import { addend } from './elements.js';

type Rows = Pick<Kernels, 'fillRows' | 'sumRows' | 'gatherRows' | 'scatterAddRows' | 'scaleRows' | 'copyColumns'>;

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

export function rows(rec: Recorder): Rows {
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
      const old = addend(rec, out, accumulate);
      const here = `y * ${out.cols} + x`;
      const sum = 'o' in old ? `${at('o', here)} + ` : '';
      const text = program(
        [out.cols, out.rows],
        ['a', 'f', ...Object.keys(old)],
        `return ${sum}${at('a', here)} * ${at('f', 'y')};`,
      );
      rec.write(out, rec.call(text, [rec.read(a), rec.read(factors), ...Object.values(old).map((m) => rec.read(m))]));
    },
    copyColumns(out, a, { from, to, count: cols }, accumulate) {
      const here = at('o', `y * ${out.cols} + x`);
      const there = at('a', `y * ${a.cols} + x - ${to - from}`);
      const body = `if (x < ${to}) { return ${here}; }\nif (x >= ${to + cols}) { return ${here}; }\nreturn ${accumulate ? `${here} + ` : ''}${there};`;
      const text = program([out.cols, out.rows], ['o', 'a'], body);
      rec.write(out, rec.call(text, [rec.read(out), rec.read(a)]));
    },
  };
}
