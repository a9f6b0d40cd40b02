/** Layer normalization (N1), row by row; the derivation is beside the reference's. */
import { type Kernels, LN_EPSILON } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { at } from '../shaders/indexing.js';
import { program } from '../shaders/program.js';

const EPS = LN_EPSILON.toFixed(5); // '0.00001'

/**
 * How far the mean of row y of a is from the row's first number, into `mean`. Numbers are taken from that first one before
 * anything else: where all are large, the rounding of their mean would cost digits.
 */
const meanOf = (C: number): string => `
const first = ${at('a', `y * ${C}`)};
let mean = 0.0;
for (let c = 0; c < ${C}; c += 1) { mean += ${at('a', `y * ${C} + c`)} - first; }
mean = mean / ${C}.0;`;

/** (a - mean), in row y and column `c`, where array m has three numbers a row, the first of them the mean as told above. */
const centered = (C: number, c: string): string =>
  `(${at('a', `y * ${C} + ${c}`)} - ${at('a', `y * ${C}`)} - ${at('m', 'y * 3')})`;

export function layerNorms(rec: Recorder): Pick<Kernels, 'layerNorm' | 'layerNormGrad'> {
  return {
    layerNorm(out, { a, stats, gain, bias }, accumulate) {
      const { rows: R, cols: C } = a;
      const statistics = `${meanOf(C)}
if (x < 1) { return mean; }
if (x < 2) { return mean + first; }
let v = 0.0;
for (let c = 0; c < ${C}; c += 1) { const d = ${at('a', `y * ${C} + c`)} - first - mean; v += d * d; }
return 1.0 / Math.sqrt(v / ${C}.0 + ${EPS});`;
      const input = rec.read(a);
      const m = { value: rec.call(program([3, R], ['a'], statistics), [input]), shift: 0 };
      rec.write(stats, rec.call(program([2, R], ['m'], `return ${at('m', 'y * 3 + x + 1')};`), [m]));
      const normalized = `${centered(C, 'x')} * ${at('m', 'y * 3 + 2')}`;
      const old = accumulate ? `${at('o', `y * ${C} + x`)} + ` : '';
      const sum = `return ${old}${at('g', 'x')} * ${normalized} + ${at('b', 'x')};`;
      const inputs = [input, m, rec.read(gain), rec.read(bias), ...(accumulate ? [rec.read(out)] : [])];
      rec.write(out, rec.call(program([C, R], ['a', 'm', 'g', 'b', ...(accumulate ? ['o'] : [])], sum), inputs));
    },
    layerNormGrad(d, dout, { a, stats, gain }, accumulate) {
      const { rows: R, cols: C } = a;
      const root = at('s', 'y * 2 + 1');
      // A row's mean once more (stats has it rounded), the mean of dn, and that of dn n.
      const sums = `${meanOf(C)}
if (x < 1) { return mean; }
let v = 0.0;
for (let c = 0; c < ${C}; c += 1) {
  const dn = ${at('d', `y * ${C} + c`)} * ${at('g', 'c')};
  let n = 1.0;
  if (x > 1) { n = (${at('a', `y * ${C} + c`)} - first - mean) * ${root}; }
  v += dn * n;
}
return v / ${C}.0;`;
      const [da, ds, aa, ga] = [rec.read(dout), rec.read(stats), rec.read(a), rec.read(gain)];
      const value = rec.call(program([3, R], ['d', 's', 'a', 'g'], sums), [da, ds, aa, ga]);
      const m = { value, shift: 0 };
      const here = `y * ${C} + x`;
      const back = `
const n = ${centered(C, 'x')} * ${root};
return ${accumulate ? `${at('o', here)} + ` : ''}${root} * (${at('d', here)} * ${at('g', 'x')} - ${at('m', 'y * 3 + 1')} - n * ${at('m', 'y * 3 + 2')});`;
      const old = accumulate ? [rec.read(d.a)] : [];
      const gradient = rec.call(program([C, R], ['d', 's', 'a', 'g', 'm', ...(accumulate ? ['o'] : [])], back), [
        da,
        ds,
        aa,
        ga,
        m,
        ...old,
      ]);
      const column = (n: string): string => `
let v = ${at('o', 'x')};
for (let y = 0; y < ${R}; y += 1) { v += ${at('d', here)}${n}; }
return v;`;
      const along = ` * ${centered(C, 'x')} * ${root}`;
      const dGain = rec.call(program([C], ['o', 'd', 'a', 'm', 's'], column(along)), [rec.read(d.gain), da, aa, m, ds]);
      const dBias = rec.call(program([C], ['o', 'd'], column('')), [rec.read(d.bias), da]);
      rec.write(d.a, gradient);
      rec.write(d.gain, dGain);
      rec.write(d.bias, dBias);
    },
  };
}
