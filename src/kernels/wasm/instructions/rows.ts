/** Whole rows and single elements. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';
import { Command } from '../threads/crew.js';

type Rows = Pick<
  Kernels,
  | 'fillRows'
  | 'sumRows'
  | 'gatherRows'
  | 'scatterAddRows'
  | 'fill'
  | 'copy'
  | 'add'
  | 'multiply'
  | 'combine'
  | 'scaleRows'
  | 'copyColumns'
>;

export function rows(reach: Reach): Rows {
  const { x, team, least, at, count, alone, host, integers } = reach;
  return {
    fillRows(out, row) {
      if (count(out) >= least.elements && team.shares()) {
        team.share(Command.fillRows, at(out), out.rows, at(row), out.cols);
      } else alone(() => x.fillRows(at(out), at(row), out.rows, out.cols));
    },
    sumRows(out, a) {
      if (count(a) >= least.elements && team.shares()) {
        team.share(Command.sumRows, at(out), a.cols, at(a), a.rows);
      } else alone(() => x.sumRows(at(out), at(a), a.rows, a.cols, a.cols));
    },
    gatherRows: (out, table, ids) => alone(() => x.gatherRows(at(out), at(table), integers(ids), out.rows, out.cols)),
    scatterAddRows: (table, ids, a) => alone(() => x.scatterAddRows(at(table), integers(ids), at(a), a.rows, a.cols)),
    fill(out, value) {
      if (count(out) >= least.elements && team.shares()) team.share(Command.fill, at(out), count(out), value);
      else alone(() => x.fill(at(out), value, count(out)));
    },
    copy: (out, a) => host(out).set(host(a)),
    add(out, a, b) {
      if (count(out) >= least.elements && team.shares()) team.share(Command.add, at(out), count(out), at(a), at(b));
      else alone(() => x.add(at(out), at(a), at(b), count(out)));
    },
    multiply: (out, a, b, accumulate) => alone(() => x.multiply(at(out), at(a), at(b), count(out), accumulate)),
    combine: (out, alpha, a, beta, b) => alone(() => x.combine(at(out), alpha, at(a), beta, at(b), count(out))),
    scaleRows: (out, a, factors, accumulate) =>
      alone(() => x.scaleRows(at(out), at(a), at(factors), out.rows, out.cols, accumulate)),
    copyColumns: (out, a, { from, to, count: cols }, accumulate) =>
      alone(() => x.copyColumns(at(out) + 4 * to, out.cols, at(a) + 4 * from, a.cols, out.rows, cols, accumulate)),
  };
}
