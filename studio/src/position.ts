/** Where the Unroll and Inspect views open: at a unit and a time step where something happens. */
import { type LstmTrace, stateBefore } from 'unspool/inspect';

/**
 * The time step and the unit whose cell state changes in the way that matters most for the loss: the change of c, times the gradient
 * of the loss by c, is largest in size.
 */
export function mostActive(layer: LstmTrace): { readonly time: number; readonly unit: number } {
  const { steps, hiddenSize, c, grad } = layer;
  let best = { time: 0, unit: 0, size: 0 };
  for (let time = 0; time < steps; time++) {
    const before = stateBefore(layer, time).c;
    for (let unit = 0; unit < hiddenSize; unit++) {
      const at = time * hiddenSize + unit;
      const size = Math.abs((c.data[at]! - before[unit]!) * grad.c.data[at]!);
      if (size > best.size) best = { time, unit, size };
    }
  }
  return best;
}
