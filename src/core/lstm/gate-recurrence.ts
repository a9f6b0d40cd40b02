/** Gate recurrence: a_ifo += [i f o]- R', R (3H, 3H); the gates before the first step are 0 (Greff et al. 2017, FGR). */
import type { Matrix } from '../../contract/kernels.js';
import { blocks } from '../pass.js';
import type { LstmParts } from './parameters.js';
import type { VariantBuffers } from './variant.js';

export interface GateRecurrence {
  forward(p: LstmParts, t: number): void;
  backward(p: LstmParts, t: number): void;
  gradients(d: LstmParts): void;
  /** The gradient of i, f and o of time t from the next step, (N, 3H); null for the last step. */
  external(t: number): Matrix | null;
}

export function gateRecurrence(b: VariantBuffers): GateRecurrence {
  const { k, step, live, reverse, grad, masks } = b;
  const { steps: T, batchSize: N } = b.shape;
  const H = b.spec.hiddenSize;
  const matrix = (rows: number) => k.alloc(rows, 3 * H);
  const [gatesBefore, sum] = [matrix(T * N), matrix(N)];
  const [dSum, dGatesBefore] = grad ? [matrix(T * N), matrix(T * N)] : [null, null];
  const cut = (m: Matrix | null): readonly Matrix[] => (m ? blocks(k, m, N) : []);
  const [beforeSteps, dSumSteps, dBeforeSteps] = [cut(gatesBefore), cut(dSum), cut(dGatesBefore)];
  live?.blank('forward', beforeSteps);
  if (grad) for (const steps of [dSumSteps, dBeforeSteps]) live?.blank('backward', steps);
  const active = masks && blocks(k, masks.activeMask, N); // the gates of a finished sequence count as 0
  /** The time of the step that is computed before (`by` -1) or after (`by` 1) t; undefined if none. */
  const neighbor = (t: number, by: -1 | 1): number | undefined => {
    const other = reverse ? t - by : t + by;
    return other >= 0 && other < T ? other : undefined;
  };
  /** i | f | o of four gates side by side, and back. */
  const gather = (out: Matrix, gates: Matrix): void => {
    step.copyColumns(out, gates, { from: 0, to: 0, count: 2 * H }, false);
    step.copyColumns(out, gates, { from: 3 * H, to: 2 * H, count: H }, false);
  };
  /** The inverse: adds (N, 3H) to i, f and o. */
  const scatterAdd = (gates: Matrix, from: Matrix): void => {
    step.copyColumns(gates, from, { from: 0, to: 0, count: 2 * H }, true);
    step.copyColumns(gates, from, { from: 2 * H, to: 3 * H, count: H }, true);
  };
  return {
    forward(p, t) {
      const before = neighbor(t, -1);
      if (before === undefined) return step.fill(beforeSteps[t]!, 0);
      gather(beforeSteps[t]!, b.steps[before]!.y.gates);
      if (active) step.scaleRows(beforeSteps[t]!, beforeSteps[t]!, active[before]!, false);
      step.gemm(sum, beforeSteps[t]!, p.gateRecurrence!, { transB: true });
      scatterAdd(b.steps[t]!.y.gates, sum);
    },
    backward(p, t) {
      gather(dSumSteps[t]!, grad!.steps[t]!.y.gates);
      const before = neighbor(t, -1);
      if (before === undefined) return;
      step.gemm(dBeforeSteps[t]!, dSumSteps[t]!, p.gateRecurrence!); // d[i f o]- = da_ifo R
      if (active) step.scaleRows(dBeforeSteps[t]!, dBeforeSteps[t]!, active[before]!, false);
      scatterAdd(grad!.steps[before]!.y.gates, dBeforeSteps[t]!);
    },
    /** dR += da_ifo' [i f o]- for all steps together. */
    gradients: (d) => b.weightGradient(d.gateRecurrence!, dSum!, gatesBefore),
    external(t) {
      const after = neighbor(t, 1);
      return after === undefined ? null : (dBeforeSteps[after] ?? null);
    },
  };
}
