/** The losses and their gradients. */
import { crossEntropyDivisor, type Kernels } from '../../core/kernels.js';
import type { Reach } from './reach.js';

type Losses = Pick<
  Kernels,
  | 'softmaxCrossEntropy'
  | 'softmaxCrossEntropyGrad'
  | 'meanSquaredError'
  | 'meanSquaredErrorGrad'
  | 'binaryCrossEntropy'
  | 'binaryCrossEntropyGrad'
>;

export function losses(reach: Reach): Losses {
  const { x, at, count, alone, host, integers, floats } = reach;
  return {
    softmaxCrossEntropy(loss, p, z, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const value = host(loss);
      const scale = 1 / crossEntropyDivisor(targets, options);
      const more = [floats(classWeights), ignoreIndex, labelSmoothing, scale] as const;
      value[0] = x.softmaxCrossEntropy(at(p), at(z), integers(targets), z.rows, z.cols, ...more);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const scale = 1 / crossEntropyDivisor(targets, options);
      const sum = classWeights ? classWeights.reduce((a, b) => a + b, 0) : dz.cols;
      const more = [floats(classWeights), sum, ignoreIndex, labelSmoothing, scale] as const;
      alone(() => x.softmaxCrossEntropyGrad(at(dz), at(p), integers(targets), dz.rows, dz.cols, ...more));
    },
    meanSquaredError(loss, y, target) {
      host(loss)[0] = x.meanSquaredError(at(y), at(target), count(y));
    },
    meanSquaredErrorGrad: (dy, y, target) => alone(() => x.meanSquaredErrorGrad(at(dy), at(y), at(target), count(y))),
    binaryCrossEntropy(loss, z, target) {
      host(loss)[0] = x.binaryCrossEntropy(at(z), at(target), count(z));
    },
    binaryCrossEntropyGrad: (dz, z, target) =>
      alone(() => x.binaryCrossEntropyGrad(at(dz), at(z), at(target), count(z))),
  };
}
