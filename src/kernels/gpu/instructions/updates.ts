/** Clipping and parameter updates, each one kernel over a whole arena. The formulas of the rules are in src/optim. */
import { adamScalars, CLIP_EPSILON, type Kernels, type Matrix } from '../../../contract/kernels.js';
import { asColumn, rowsOf, sizeOf, type Window } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import type { Lanes } from '../shaders/lanes.js';
import { clamp } from '../shaders/math.js';
import type { Program } from '../shaders/program.js';
import * as shaders from '../shaders/updates.js';
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

type Scalars = Readonly<Record<string, number>>;

/**
 * Writes `outs`, which are equally large, in one kernel. `build` makes its program for a number of elements of each.
 */
function writeTogether(
  rec: Recorder,
  outs: readonly Matrix[],
  inputs: readonly Matrix[],
  scalars: Scalars,
  build: (size: number, scalars: readonly string[], lanes: Lanes) => Program,
): void {
  for (const [from, to] of rec.blocks(sizeOf(outs[0]!), outs.length)) {
    const window = (m: Matrix): Window => rowsOf(asColumn(m), from, to);
    const pieces = rec.readAll(inputs.map(window));
    const lanes = rec.lanes(pieces, to - from);
    const program = build(to - from, Object.keys(scalars), lanes);
    const value = rec.call(program, pieces, Object.values(scalars));
    const part = Math.ceil((to - from) / lanes.count) * lanes.count;
    for (const [block, out] of outs.entries()) rec.write(window(out), value, block * part);
  }
}

export function updates(rec: Recorder): Updates {
  return {
    norm: (norm, a) => rec.write(norm, normOf(rec, a)),
    clipNorm(norm, a, limit) {
      rec.write(norm, normOf(rec, a));
      if (limit === Number.POSITIVE_INFINITY) return;
      const factor = `limit / (n + ${CLIP_EPSILON.toFixed(6)})`;
      writeElements(rec, a, { a }, `(${factor} < 1.0 ? va * (${factor}) : va)`, { limit }, { n: norm });
    },
    clipValue: (a, limit) => writeElements(rec, a, { a }, clamp('limit', 'va'), { limit }),
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
      if (!velocity) {
        const scalars = { rate: learningRate, decay: weightDecay };
        return writeElements(rec, w, { w, g }, 'vw - rate * (vg + decay * vw)', scalars);
      }
      const scalars = { rate: learningRate, momentum, kept: 1 - dampening, decay: weightDecay };
      writeTogether(rec, [w, velocity], [w, g, velocity], scalars, (size, names, lanes) =>
        shaders.momentumUpdate(size, { first, nesterov }, names, lanes),
      );
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
      writeTogether(rec, [w, m, v], [w, g, m, v], scalars, shaders.adamUpdate);
    },
  };
}
