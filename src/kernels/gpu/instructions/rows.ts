/** Whole rows: moved, gathered, summed. */
import type { Kernels } from '../../../contract/kernels.js';
import { rowsOf } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import * as shaders from '../shaders/rows.js';
import { addend } from './elements.js';

type Rows = Pick<Kernels, 'fillRows' | 'sumRows' | 'gatherRows' | 'scatterAddRows' | 'scaleRows' | 'copyColumns'>;

export function rows(rec: Recorder): Rows {
  return {
    fillRows(out, row) {
      for (const [from, to] of rec.blocks(out.rows, out.cols)) {
        const inputs = [rec.read(row)];
        const lanes = rec.lanes(inputs, (to - from) * out.cols, out.cols);
        rec.write(rowsOf(out, from, to), rec.call(shaders.fillRows(to - from, out.cols, lanes), inputs));
      }
    },
    sumRows(out, a) {
      const C = a.cols;
      for (const [from, to] of rec.segmentBlocks([a], C)) {
        const inputs = rec.readAll([out, rowsOf(a, from, to)]);
        rec.write(out, rec.call(shaders.sumRows(to - from, C, rec.lanes(inputs, C, C)), inputs));
      }
    },
    gatherRows(out, table, ids) {
      const rowIds = rec.fromHost(Float32Array.from(ids.subarray(0, out.rows)));
      rec.write(out, rec.call(shaders.gatherRows(out.rows, out.cols), [rec.read(table), rowIds]));
    },
    scatterAddRows(table, ids, a) {
      const { begins, order } = rowsById(ids, a.rows, table.rows);
      const inputs = [rec.read(table), rec.read(a), rec.fromHost(begins), rec.fromHost(order)];
      rec.write(table, rec.call(shaders.scatterAddRows(table.rows, a.cols), inputs));
    },
    scaleRows(out, a, factors, accumulate) {
      const old = Object.values(addend(rec, out, accumulate));
      const program = shaders.scaleRows(out.rows, out.cols, old.length > 0);
      rec.write(out, rec.call(program, rec.readAll([a, factors, ...old])));
    },
    copyColumns(out, a, { from, to, count }, accumulate) {
      const program = shaders.copyColumns([out.rows, out.cols], { width: a.cols, from, to, count }, accumulate);
      rec.write(out, rec.call(program, rec.readAll([out, a])));
    },
  };
}

/** The rows in order of their ids, and where the rows of each of `idCount` ids begin. */
function rowsById(ids: Int32Array, rowCount: number, idCount: number) {
  const begins = new Float32Array(idCount + 1);
  for (let r = 0; r < rowCount; r++) begins[ids[r]! + 1]!++;
  for (let id = 0; id < idCount; id++) begins[id + 1]! += begins[id]!;
  const next = begins.slice();
  const order = new Float32Array(rowCount);
  for (let r = 0; r < rowCount; r++) order[next[ids[r]!]!++] = r;
  return { begins, order };
}
