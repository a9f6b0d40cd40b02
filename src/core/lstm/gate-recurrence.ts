/** Gate recurrence: a_ifo += [i f o]- R', R (3H, 3H), the gates being 0 before the first step (Greff et al. 2017, FGR). */
import type { Matrix } from '../../contract/kernels.js';
import { blocks } from '../pass.js';
import type { LstmParts } from './parameters.js';
import type { LstmBuffers } from './program.js';

export interface GateRecurrence {
  forward(p: LstmParts, t: number): void;
  backward(p: LstmParts, t: number): void;
  gradients(d: LstmParts): void;
  /** What came back to i, f and o of time t from the step after it, (N, 3H); null after the last step. */
  external(t: number): Matrix | null;
}

export function gateRecurrence(b: LstmBuffers): GateRecurrence {
  const { k, reverse, grad, masks } = b;
  const { steps: T, batchSize: N } = b.shape;
  const H = b.spec.hiddenSize;
  const matrix = (rows: number) => k.alloc(rows, 3 * H);
  const [seen, sum] = [matrix(T * N), matrix(N)];
  const [dSum, dSeen] = grad ? [matrix(T * N), matrix(T * N)] : [null, null];
  const [seenSteps, dSumSteps, dSeenSteps] = [seen, dSum, dSeen].map((m) => (m ? blocks(k, m, N) : []));
  const active = masks && blocks(k, masks.activeMask, N); // a finished sequence passes no gates on
  /** The time of the step computed before, or after (`by` -1 or 1); undefined at the ends. */
  const neighbor = (t: number, by: -1 | 1): number | undefined => {
    const other = reverse ? t - by : t + by;
    return other >= 0 && other < T ? other : undefined;
  };
  /** i | f | o of four gates side by side, and back. */
  const take = (out: Matrix, gates: Matrix): void => {
    k.copyColumns(out, gates, { from: 0, to: 0, count: 2 * H }, false);
    k.copyColumns(out, gates, { from: 3 * H, to: 2 * H, count: H }, false);
  };
  const give = (gates: Matrix, from: Matrix): void => {
    k.copyColumns(gates, from, { from: 0, to: 0, count: 2 * H }, true);
    k.copyColumns(gates, from, { from: 2 * H, to: 3 * H, count: H }, true);
  };
  return {
    forward(p, t) {
      const before = neighbor(t, -1);
      if (before === undefined) return k.fill(seenSteps![t]!, 0);
      take(seenSteps![t]!, b.steps[before]!.y.gates);
      if (active) k.scaleRows(seenSteps![t]!, seenSteps![t]!, active[before]!, false);
      k.gemm(sum, seenSteps![t]!, p.gateRecurrence!, { transB: true });
      give(b.steps[t]!.y.gates, sum);
    },
    backward(p, t) {
      take(dSumSteps![t]!, grad!.steps[t]!.y.gates);
      const before = neighbor(t, -1);
      if (before === undefined) return;
      k.gemm(dSeenSteps![t]!, dSumSteps![t]!, p.gateRecurrence!); // d[i f o]- = da_ifo R
      if (active) k.scaleRows(dSeenSteps![t]!, dSeenSteps![t]!, active[before]!, false);
      give(grad!.steps[before]!.y.gates, dSeenSteps![t]!);
    },
    gradients: (d) => k.gemm(d.gateRecurrence!, dSum!, seen, { transA: true, accumulate: true }),
    external(t) {
      const after = neighbor(t, 1);
      return after === undefined ? null : (dSeenSteps![after] ?? null);
    },
  };
}
