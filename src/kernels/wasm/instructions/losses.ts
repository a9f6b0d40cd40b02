/** The losses and their gradients; ctc.ts has CTC. */
import {
  crossEntropyDivisor,
  type Kernels,
  type Matrix,
  VALUE_LOSSES,
  type ValueLoss,
  type ValueTargets,
  valueLossScale,
} from '../../../contract/kernels.js';
import { floatWorkspace, type WasmContext } from '../context.js';

type Losses = Pick<Kernels, 'softmaxCrossEntropy' | 'softmaxCrossEntropyGrad' | 'valueLoss' | 'valueLossGrad'>;

export function losses({ heap, threads, wasm, at, afterBarrier, host, integers, floats }: WasmContext): Losses {
  /** The row weights have their own workspace, because a call passes them together with `floats`. */
  const rows = floatWorkspace(heap, threads);
  const inverse = (divisor: number): number => (divisor === 0 ? 0 : 1 / divisor);
  /** The arguments that a value loss and its gradient share: sizes, parameters, scale and row weights. */
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
      value[0] = wasm.softmaxCrossEntropy(at(p), at(z), integers(targets.classes), z.rows, z.cols, ...more);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const scale = inverse(crossEntropyDivisor(targets, options));
      const sum = classWeights ? classWeights.reduce((a, b) => a + b, 0) : dz.cols;
      const more = [floats(classWeights), sum, ignoreIndex, labelSmoothing, scale, rows(targets.rowWeights)] as const;
      afterBarrier(() =>
        wasm.softmaxCrossEntropyGrad(at(dz), at(p), integers(targets.classes), dz.rows, dz.cols, ...more),
      );
    },
    valueLoss(loss, y, targets, kind) {
      const value = host(loss);
      const index = VALUE_LOSSES.indexOf(kind.kind);
      value[0] = wasm.valueLoss(index, at(y), at(targets.values), ...details(y, targets, kind));
    },
    valueLossGrad(dy, y, targets, kind) {
      const index = VALUE_LOSSES.indexOf(kind.kind);
      afterBarrier(() => wasm.valueLossGrad(index, at(dy), at(y), at(targets.values), ...details(y, targets, kind)));
    },
  };
}
