/** Clipping and the parameter updates. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';
import { Command } from '../threads/crew.js';

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

export function updates(reach: Reach): Updates {
  const { x, team, least, at, count, alone, host } = reach;
  return {
    clipNorm(norm, a, limit) {
      const length = Math.sqrt(alone(() => x.sumSquares(at(a), count(a))));
      host(norm)[0] = length;
      const factor = limit / (length + 1e-6); // the 1e-6 is PyTorch's guard against a norm of 0
      if (factor < 1) x.scale(at(a), factor, count(a));
    },
    clipValue: (a, limit) => alone(() => x.clipValue(at(a), limit, count(a))),
    mixProduct: (out, decay, scale, a, b) => alone(() => x.mixProduct(at(out), decay, scale, at(a), at(b), count(out))),
    root: (out, a, inside, outside) => alone(() => x.root(at(out), at(a), inside, outside, count(out))),
    addQuotient: (out, scale, a, b) => alone(() => x.addQuotient(at(out), scale, at(a), at(b), count(out))),
    maximum: (out, a, b) => alone(() => x.maximum(at(out), at(a), at(b), count(out))),
    sign: (out, a) => alone(() => x.sign(at(out), at(a), count(out))),
    scaleByRatio(a, above, below) {
      const [numerator, denominator] = [host(above)[0]!, host(below)[0]!];
      if (numerator !== 0 && denominator !== 0) x.scale(at(a), numerator / denominator, count(a));
    },
    sgdUpdate(w, g, velocity, o) {
      const u = velocity ? at(velocity) : 0;
      const more = [o.learningRate, o.momentum, o.dampening, o.nesterov, o.weightDecay, o.first] as const;
      alone(() => x.sgd(at(w), at(g), u, count(w), ...more));
    },
    adamUpdate(w, g, m, v, { learningRate, beta1, beta2, eps, weightDecay, decoupled, update }) {
      const size = learningRate / (1 - beta1 ** update);
      const correct2 = Math.sqrt(1 - beta2 ** update);
      const shrink = decoupled ? 1 - learningRate * weightDecay : 1;
      const l2 = decoupled ? 0 : weightDecay;
      const numbers = [beta1, 1 - beta1, beta2, 1 - beta2, size, correct2, eps, shrink, l2];
      if (count(w) >= least.elements && team.shares()) {
        team.share(Command.adam, at(w), count(w), at(g), at(m), at(v), ...numbers);
      } else alone(() => x.adam(at(w), at(g), at(m), at(v), count(w), ...numbers));
    },
  };
}
