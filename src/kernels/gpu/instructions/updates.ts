/** Clipping and the parameter updates, each one kernel over a whole arena. The rules' formulas stand in src/optim. */
import { adamScalars, CLIP_EPSILON, type Kernels, type Matrix } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { asColumn, rowsOf, type Window } from '../record/values.js';
import { within } from '../shaders/cell.js';
import type { Lanes } from '../shaders/lanes.js';
import { writeElements } from './elements.js';
import { normOf } from './sums.js';

type Updates = Pick<
  Kernels,
  | 'norm'
  | 'clipNorm'
  | 'clipValue'
  | 'mixProduct'
  | 'root'
  | 'addQuotient'
  | 'maximum'
  | 'sign'
  | 'scaleByRatio'
  | 'sgdUpdate'
  | 'adamUpdate'
>;

/** Element j of each array, and which of the blocks of `part` numbers thread x is in. */
const blocks = (count: number, arrays: readonly string[], lanes: Lanes): string =>
  [
    'let j = x;',
    'let block = 0;',
    ...Array.from({ length: count - 1 }, () => 'if (j >= part) { j = j - part; block = block + 1; }'),
    ...arrays.map((a) => lanes.load(`v${a}`, a, 'j')),
  ].join('\n');

export function updates(rec: Recorder): Updates {
  const sizeOf = (m: Matrix): number => m.rows * m.cols;
  /**
   * Writes each of `outs` in one kernel, whose text is made by `body`. `inputs` begin with those that are written; `v` gives
   * the name of what was read of an array, in a lane.
   */
  const together = (
    outs: readonly Matrix[],
    inputs: Readonly<Record<string, Matrix>>,
    scalars: Readonly<Record<string, number>>,
    body: (lanes: Lanes, v: (name: string) => (lane: number) => string) => string,
  ): void => {
    const names = Object.keys(inputs);
    for (const [from, to] of rec.blocks(sizeOf(outs[0]!), outs.length)) {
      const window = (m: Matrix): Window => rowsOf(asColumn(m), from, to);
      const pieces = Object.values(inputs).map((m) => rec.read(window(m)));
      const lanes = rec.lanes(pieces, to - from);
      const part = Math.ceil((to - from) / lanes.count);
      const lines = body(lanes, (name) => (lane) => lanes.get(`v${name}`, lane));
      const how = { scalars: Object.keys(scalars), sizes: { part } };
      const text = `${blocks(outs.length, names, lanes)}\n${lines}`;
      const value = rec.call(lanes.program([outs.length * part], names, text, how), pieces, Object.values(scalars));
      for (const [block, out] of outs.entries()) rec.write(window(out), value, block * part * lanes.count);
    }
  };
  return {
    norm: (norm, a) => rec.write(norm, normOf(rec, a)),
    clipNorm(norm, a, limit) {
      rec.write(norm, normOf(rec, a));
      if (limit === Number.POSITIVE_INFINITY) return;
      const factor = `limit / (n + ${CLIP_EPSILON.toFixed(6)})`;
      writeElements(rec, a, { a }, `(${factor} < 1.0 ? va * (${factor}) : va)`, { limit }, { n: norm });
    },
    clipValue: (a, limit) => writeElements(rec, a, { a }, within('limit', 'va'), { limit }),
    mixProduct: (out, decay, scale, a, b) =>
      writeElements(rec, out, { o: out, a, b }, 'decay * vo + scale * va * vb', { decay, scale }),
    root: (out, a, inside, outside) =>
      writeElements(rec, out, { a }, 'Math.sqrt(va + inside) + outside', { inside, outside }),
    addQuotient: (out, scale, a, b) => writeElements(rec, out, { o: out, a, b }, 'vo + scale * va / vb', { scale }),
    maximum: (out, a, b) => writeElements(rec, out, { a, b }, '(va > vb ? va : (vb >= va ? vb : va + vb))'),
    sign: (out, a) => writeElements(rec, out, { a }, '(va > 0.0 ? 1.0 : (va < 0.0 ? -1.0 : va))'),
    scaleByRatio(a, numerator, denominator) {
      const scaled = '(n == 0.0 ? va : (d == 0.0 ? va : va * n / d))';
      writeElements(rec, a, { a }, scaled, {}, { n: numerator, d: denominator });
    },
    sgdUpdate(w, g, velocity, { learningRate, momentum, dampening, nesterov, weightDecay, first }) {
      if (!velocity)
        return writeElements(rec, w, { w, g }, 'vw - rate * (vg + decay * vw)', {
          rate: learningRate,
          decay: weightDecay,
        });
      const scalars = { rate: learningRate, momentum, kept: 1 - dampening, decay: weightDecay };
      together([w, velocity], { w, g, u: velocity }, scalars, (lanes, v) => {
        const each = lanes.each(
          (i) => `const d${i} = ${v('g')(i)} + decay * ${v('w')(i)};
const next${i} = ${first ? `d${i}` : `momentum * ${v('u')(i)} + kept * d${i}`};`,
        );
        const direction = (i: number): string => (nesterov ? `d${i} + momentum * next${i}` : `next${i}`);
        return `${each}
if (block > 0) { ${lanes.give((i) => `next${i}`)} }
${lanes.give((i) => `${v('w')(i)} - rate * (${direction(i)})`)}`;
      });
    },
    adamUpdate(w, g, m, v, options) {
      const { beta1, beta2, eps } = options;
      const { stepSize, root, shrink, l2 } = adamScalars(options);
      const scalars = {
        rate: stepSize,
        b1: beta1,
        keep1: 1 - beta1,
        b2: beta2,
        keep2: 1 - beta2,
        root,
        shrink,
        l2,
        eps,
      };
      together([w, m, v], { w, g, m, v }, scalars, (lanes, of) => {
        const each = lanes.each(
          (i) => `const d${i} = ${of('g')(i)} + l2 * ${of('w')(i)};
const mean${i} = b1 * ${of('m')(i)} + keep1 * d${i};
const square${i} = b2 * ${of('v')(i)} + keep2 * d${i} * d${i};`,
        );
        return `${each}
if (block == 1) { ${lanes.give((i) => `mean${i}`)} }
if (block == 2) { ${lanes.give((i) => `square${i}`)} }
${lanes.give((i) => `shrink * ${of('w')(i)} - rate * mean${i} / (Math.sqrt(square${i}) / root + eps)`)}`;
      });
    },
  };
}
