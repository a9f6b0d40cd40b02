/** Metrics of regressions, from sums that are added batch by batch. */
import { requireList, requireValues } from '../checks.js';
import { UnspoolError } from '../errors.js';
import { requireWeights } from './weights.js';

/** Mean absolute, squared and percentage errors and R2 of predicted values. */
export class RegressionMetrics {
  /** Number of values that were added; with weights, the sum of their weights. */
  count = 0;
  /** The same of the values whose target is 0, which `mape` ignores. */
  zeroTargets = 0;
  private absolute = 0;
  private squared = 0;
  private percent = 0;
  private symmetric = 0;
  /** Mean of the targets, and the sum of their squared distances from it (Welford 1962, West 1979). */
  private mean = 0;
  private spread = 0;

  /**
   * Adds a batch of values and their targets. `weights` has a number for each row of the values, as `evaluate` passes to its
   * `watch`; every mean then weighs its values, and values of weight 0 are ignored. Default: 1 each. Throws `SHAPE_MISMATCH` if
   * the lengths differ and `INVALID_DATA` for what is not a finite number, and then adds nothing.
   */
  add(values: ArrayLike<number>, targets: ArrayLike<number>, weights: ArrayLike<number> | null = null): this {
    requireList('values', values);
    requireList('targets', targets);
    if (values.length !== targets.length) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'RegressionMetrics.add',
        tensor: 'values',
        expected: [targets.length],
        actual: [values.length],
        help: 'Give one value per target.',
      });
    }
    const width = weights && requireWeights('RegressionMetrics.add', weights, targets.length);
    const weightOf = (i: number): number => weights?.[Math.floor(i / width!)] ?? 1;
    const unread = (i: number): boolean => weightOf(i) === 0;
    requireValues('values', values, { unread });
    requireValues('targets', targets, { unread });
    for (let i = 0; i < targets.length; i++) this.addPair(values[i]!, targets[i]!, weightOf(i));
    return this;
  }

  /** Mean absolute error, in the unit of the targets. */
  get mae(): number {
    return this.absolute / this.count;
  }

  /** Root mean squared error, in the unit of the targets. */
  get rmse(): number {
    return Math.sqrt(this.squared / this.count);
  }

  /** Mean absolute percentage error: the mean of |error / target| in percent, without the `zeroTargets`. */
  get mape(): number {
    return (100 * this.percent) / (this.count - this.zeroTargets);
  }

  /** Symmetric percentage error: the mean of |error| / ((|value| + |target|) / 2) in percent, 0 to 200 (Makridakis 1993). */
  get smape(): number {
    return (100 * this.symmetric) / this.count;
  }

  /**
   * Coefficient of determination: 1 - squared error / squared distance of the targets from their mean. 1 is perfect, 0 is as good
   * as the mean. For constant targets it is 1 if the error is 0, otherwise 0, as in scikit-learn.
   */
  get r2(): number {
    if (this.spread === 0) return this.squared === 0 ? 1 : 0;
    return 1 - this.squared / this.spread;
  }

  private addPair(value: number, target: number, weight: number): void {
    if (weight === 0) return;
    const error = Math.abs(value - target);
    const size = (Math.abs(value) + Math.abs(target)) / 2;
    this.count += weight;
    this.absolute += weight * error;
    this.squared += weight * error * error;
    if (target === 0) this.zeroTargets += weight;
    else this.percent += (weight * error) / Math.abs(target);
    if (size > 0) this.symmetric += (weight * error) / size;
    const step = target - this.mean;
    this.mean += (weight * step) / this.count;
    this.spread += weight * step * (target - this.mean);
  }
}
