/** Clipping and the parameter updates. */
import { adamScalars, CLIP_EPSILON, type Kernels, type Matrix } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';
import { Command } from '../threads/crew.js';

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

export function updates(reach: Reach): Updates {
  const { x, team, least, at, count, alone, host } = reach;
  const euclidean = (a: Matrix): number => Math.sqrt(alone(() => x.sumSquares(at(a), count(a))));
  return {
    norm(norm, a) {
      host(norm)[0] = euclidean(a);
    },
    clipNorm(norm, a, limit) {
      const length = euclidean(a);
      host(norm)[0] = length;
      const factor = limit / (length + CLIP_EPSILON);
      if (factor < 1) x.scale(at(a), factor, count(a));
    },
    clipValue: (a, limit) => alone(() => x.clipValue(at(a), limit, count(a))),
    mixProduct: (out, decay, scale, a, b) => alone(() => x.mixProduct(at(out), decay, scale, at(a), at(b), count(out))),
    root: (out, a, inside, outside) => alone(() => x.root(at(out), at(a), inside, outside, count(out))),
    addQuotient: (out, scale, a, b) => alone(() => x.addQuotient(at(out), scale, at(a), at(b), count(out))),
    maximum: (out, a, b) => alone(() => x.maximum(at(out), at(a), at(b), count(out))),
    sign: (out, a) => alone(() => x.sign(at(out), at(a), count(out))),
    scaleByRatio(a, numerator, denominator) {
      const [above, below] = [host(numerator)[0]!, host(denominator)[0]!];
      if (above !== 0 && below !== 0) x.scale(at(a), above / below, count(a));
    },
    sgdUpdate(w, g, velocity, o) {
      const u = velocity ? at(velocity) : 0;
      const more = [o.learningRate, o.momentum, o.dampening, o.nesterov, o.weightDecay, o.first] as const;
      alone(() => x.sgd(at(w), at(g), u, count(w), ...more));
    },
    adamUpdate(w, g, m, v, options) {
      const { beta1, beta2, eps } = options;
      const { stepSize, root, shrink, l2 } = adamScalars(options);
      const numbers = [beta1, 1 - beta1, beta2, 1 - beta2, stepSize, root, eps, shrink, l2];
      if (count(w) >= least.elements && team.shares()) {
        team.share(Command.adam, at(w), count(w), at(g), at(m), at(v), ...numbers);
      } else alone(() => x.adam(at(w), at(g), at(m), at(v), count(w), ...numbers));
    },
  };
}
