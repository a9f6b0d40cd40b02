/** Clipping and the parameter updates, each one kernel over a whole arena. The rules' formulas stand in src/optim. */
import type { Kernels, Matrix } from '../../core/kernels.js';
import type { Recorder } from './recorder.js';
import { elements } from './rows.js';
import { sumOf } from './sums.js';
import { at, program } from './text/moves.js';
import { asColumn, rowsOf } from './values.js';

type Updates = Pick<
  Kernels,
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

/** Element j of each array, and which of the blocks of `size` numbers thread x is in. */
const blocks = (size: number, count: number, arrays: readonly string[]): string =>
  [
    'let j = x;',
    'let block = 0;',
    ...Array.from({ length: count - 1 }, () => `if (j >= ${size}) { j = j - ${size}; block = block + 1; }`),
    ...arrays.map((a) => `const v${a} = ${at(a, 'j')};`),
  ].join('\n');

export function updates(rec: Recorder): Updates {
  const sizeOf = (m: Matrix): number => m.rows * m.cols;
  return {
    clipNorm(norm, a, limit) {
      const length = sumOf(rec, rec.read(a), sizeOf(a), 'Math.sqrt(s)', {}, (v) => `${v} * ${v}`);
      rec.write(norm, length.value);
      if (limit === Number.POSITIVE_INFINITY) return;
      const n = `${at('n', '0')}`;
      const body = `const f = limit / (${n} + 0.000001);\nif (f < 1.0) { return ${at('a', 'x')} * f; }\nreturn ${at('a', 'x')};`;
      rec.write(a, rec.call(program([sizeOf(a)], ['a', 'n'], body, ['limit']), [rec.read(a), length], [limit]));
    },
    clipValue(a, limit) {
      // Not by min and max: a shader's may answer a number for a NaN.
      const body = `const v = ${at('a', 'x')};\nif (v > limit) { return limit; }\nif (v < -limit) { return -limit; }\nreturn v;`;
      rec.write(a, rec.call(program([sizeOf(a)], ['a'], body, ['limit']), [rec.read(a)], [limit]));
    },
    mixProduct: (out, decay, scale, a, b) =>
      elements(rec, out, { o: out, a, b }, 'decay * vo + scale * va * vb', { decay, scale }),
    root: (out, a, inside, outside) =>
      elements(rec, out, { a }, 'Math.sqrt(va + inside) + outside', { inside, outside }),
    addQuotient: (out, scale, a, b) => elements(rec, out, { o: out, a, b }, 'vo + scale * va / vb', { scale }),
    maximum: (out, a, b) => elements(rec, out, { a, b }, 'Math.max(va, vb)'),
    sign(out, a) {
      const body = `const v = ${at('a', 'x')};\nif (v > 0.0) { return 1.0; }\nif (v < 0.0) { return -1.0; }\nreturn v;`;
      rec.write(out, rec.call(program([sizeOf(out)], ['a'], body), [rec.read(a)]));
    },
    scaleByRatio(a, above, below) {
      const [n, d] = [at('n', '0'), at('d', '0')];
      const body = `const v = ${at('a', 'x')};\nif (${n} == 0.0) { return v; }\nif (${d} == 0.0) { return v; }\nreturn v * ${n} / ${d};`;
      rec.write(
        a,
        rec.call(program([sizeOf(a)], ['a', 'n', 'd'], body), [rec.read(a), rec.read(above), rec.read(below)]),
      );
    },
    sgdUpdate(w, g, velocity, { rate, momentum, dampening, nesterov, weightDecay, first }) {
      const size = sizeOf(w);
      if (!velocity) return elements(rec, w, { w, g }, 'vw - rate * (vg + decay * vw)', { rate, decay: weightDecay });
      const scalars = [rate, momentum, 1 - dampening, weightDecay];
      for (const [from, to] of rec.blocks(size, 2)) {
        const part = to - from;
        const body = `${blocks(part, 2, ['w', 'g', 'u'])}
const d = vg + decay * vw;
const next = ${first ? 'd' : 'momentum * vu + kept * d'};
if (block > 0) { return next; }
return vw - rate * (${nesterov ? 'd + momentum * next' : 'next'});`;
        const text = program([2 * part], ['w', 'g', 'u'], body, ['rate', 'momentum', 'kept', 'decay']);
        const [p, u] = [rowsOf(asColumn(w), from, to), rowsOf(asColumn(velocity), from, to)];
        const value = rec.call(text, [rec.read(p), rec.read(rowsOf(asColumn(g), from, to)), rec.read(u)], scalars);
        rec.write(p, value, 0);
        rec.write(u, value, part);
      }
    },
    adamUpdate(w, g, m, v, { rate, beta1, beta2, eps, weightDecay, decoupled, step }) {
      const body = (part: number): string => `${blocks(part, 3, ['w', 'g', 'm', 'v'])}
const d = vg + l2 * vw;
const mean = b1 * vm + keep1 * d;
if (block == 1) { return mean; }
const square = b2 * vv + keep2 * d * d;
if (block == 2) { return square; }
return shrink * vw - rate * mean / (Math.sqrt(square) / root + eps);`;
      const scalars = {
        rate: rate / (1 - beta1 ** step),
        b1: beta1,
        keep1: 1 - beta1,
        b2: beta2,
        keep2: 1 - beta2,
        root: Math.sqrt(1 - beta2 ** step),
        shrink: decoupled ? 1 - rate * weightDecay : 1,
        l2: decoupled ? 0 : weightDecay,
        eps,
      };
      for (const [from, to] of rec.blocks(sizeOf(w), 3)) {
        const part = to - from;
        const text = program([3 * part], ['w', 'g', 'm', 'v'], body(part), Object.keys(scalars));
        const windows = [w, g, m, v].map((all) => rowsOf(asColumn(all), from, to));
        const inputs = windows.map((window) => rec.read(window));
        const value = rec.call(text, inputs, Object.values(scalars));
        const [toW, , toM, toV] = windows;
        [toW!, toM!, toV!].forEach((window, block) => {
          rec.write(window, value, block * part);
        });
      }
    },
  };
}
