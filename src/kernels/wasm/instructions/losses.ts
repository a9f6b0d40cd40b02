/** The losses and their gradients. */
import {
  crossEntropyDivisor,
  type Kernels,
  type Matrix,
  VALUE_LOSSES,
  type ValueLoss,
  type ValueTargets,
  valueLossScale,
} from '../../../contract/kernels.js';
import { ctcLoss } from '../../shared/ctc.js';
import { placer, type Reach } from '../reach.js';

type Losses = Pick<Kernels, 'softmaxCrossEntropy' | 'softmaxCrossEntropyGrad' | 'valueLoss' | 'valueLossGrad' | 'ctc'>;

export function losses(reach: Reach): Losses {
  const { heap, team, x, at, alone, host, integers, floats } = reach;
  /** The weights of the rows, beside other numbers of the same call. */
  const rows = placer(heap, team);
  const inverse = (divisor: number): number => (divisor === 0 ? 0 : 1 / divisor);
  /** What both directions of a value loss are told: sizes, numbers of the kind, the scale and the rows' weights. */
  const details = (y: Matrix, { values: target, rowWeights: weights }: ValueTargets, kind: ValueLoss) => {
    const numbers = kind.kind === 'quantile' ? kind.quantiles : [kind.kind === 'huber' ? kind.delta : 0];
    const scale = valueLossScale((kind.kind === 'gaussian' ? target : y).cols, y.rows, weights);
    return [y.rows, y.cols, target.cols, floats(numbers), numbers.length, scale, rows(weights)];
  };
  return {
    softmaxCrossEntropy(loss, p, z, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const value = host(loss);
      const scale = inverse(crossEntropyDivisor(targets, options));
      const more = [floats(classWeights), ignoreIndex, labelSmoothing, scale, rows(targets.rowWeights)] as const;
      value[0] = x.softmaxCrossEntropy(at(p), at(z), integers(targets.classes), z.rows, z.cols, ...more);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const scale = inverse(crossEntropyDivisor(targets, options));
      const sum = classWeights ? classWeights.reduce((a, b) => a + b, 0) : dz.cols;
      const more = [floats(classWeights), sum, ignoreIndex, labelSmoothing, scale, rows(targets.rowWeights)] as const;
      alone(() => x.softmaxCrossEntropyGrad(at(dz), at(p), integers(targets.classes), dz.rows, dz.cols, ...more));
    },
    valueLoss(loss, y, targets, kind) {
      const value = host(loss);
      const number = VALUE_LOSSES.indexOf(kind.kind);
      value[0] = x.valueLoss(number, at(y), at(targets.values), ...details(y, targets, kind));
    },
    valueLossGrad(dy, y, targets, kind) {
      const number = VALUE_LOSSES.indexOf(kind.kind);
      alone(() => x.valueLossGrad(number, at(dy), at(y), at(targets.values), ...details(y, targets, kind)));
    },
    ctc(loss, dlogits, logits, targets) {
      host(loss)[0] = ctcLoss(host(dlogits), host(logits), logits.cols, targets);
    },
  };
}
