/** Clipping and the parameter updates. */
import { adamScalars, CLIP_EPSILON, type Kernels, type Matrix } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import { Command } from '../layout.js';

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

export function updates({ wasm, threads, thresholds, at, count, afterBarrier, host }: WasmContext): Updates {
  const euclideanNorm = (a: Matrix): number => Math.sqrt(afterBarrier(() => wasm.sumSquares(at(a), count(a))));
  return {
    norm(norm, a) {
      host(norm)[0] = euclideanNorm(a);
    },
    clipNorm(norm, a, limit) {
      const length = euclideanNorm(a);
      host(norm)[0] = length;
      const factor = limit / (length + CLIP_EPSILON);
      if (factor < 1) wasm.scale(at(a), factor, count(a));
    },
    clipValue: (a, limit) => afterBarrier(() => wasm.clipValue(at(a), limit, count(a))),
    mixProduct: (out, decay, scale, a, b) =>
      afterBarrier(() => wasm.mixProduct(at(out), decay, scale, at(a), at(b), count(out))),
    root: (out, a, inside, outside) => afterBarrier(() => wasm.root(at(out), at(a), inside, outside, count(out))),
    addQuotient: (out, scale, a, b) => afterBarrier(() => wasm.addQuotient(at(out), scale, at(a), at(b), count(out))),
    maximum: (out, a, b) => afterBarrier(() => wasm.maximum(at(out), at(a), at(b), count(out))),
    sign: (out, a) => afterBarrier(() => wasm.sign(at(out), at(a), count(out))),
    scaleByRatio(a, numerator, denominator) {
      const [above, below] = [host(numerator)[0]!, host(denominator)[0]!];
      if (above !== 0 && below !== 0) wasm.scale(at(a), above / below, count(a));
    },
    sgdUpdate(w, g, velocity, o) {
      const u = velocity ? at(velocity) : 0;
      const more = [o.learningRate, o.momentum, o.dampening, o.nesterov, o.weightDecay, o.first] as const;
      afterBarrier(() => wasm.sgd(at(w), at(g), u, count(w), ...more));
    },
    adamUpdate(w, g, m, v, options) {
      const { beta1, beta2, eps } = options;
      const { stepSize, root, shrink, l2 } = adamScalars(options);
      const numbers = [beta1, 1 - beta1, beta2, 1 - beta2, stepSize, root, eps, shrink, l2];
      const integers = [at(w), count(w), at(g), at(m), at(v)];
      threads.dispatch(Command.adam, count(w) >= thresholds.elements, integers, numbers);
    },
  };
}
