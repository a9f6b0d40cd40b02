/** Metrics of regressions, from sums that are added batch by batch. */
import { requireList, requireValues } from '../checks.js';
import { UnspoolError } from '../errors.js';

/** Mean absolute, squared and percentage errors and R2 of predicted values. */
export class RegressionMetrics {
  /** Number of values that were added. */
  count = 0;
  /** Number of values whose target is 0, which `mape` ignores. */
  zeroTargets = 0;
  private absolute = 0;
  private squared = 0;
  private percent = 0;
  private symmetric = 0;
  /** Mean of the targets, and the sum of their squared distances from it (Welford 1962). */
  private mean = 0;
  private spread = 0;

  /**
   * Adds a batch of values and their targets. Throws `SHAPE_MISMATCH` if the lengths differ and `INVALID_DATA` for what is not a
   * finite number, and then adds nothing.
   */
  add(values: ArrayLike<number>, targets: ArrayLike<number>): this {
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
    requireValues('values', values);
    requireValues('targets', targets);
    for (let i = 0; i < targets.length; i++) this.addPair(values[i]!, targets[i]!);
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

  private addPair(value: number, target: number): void {
    const error = Math.abs(value - target);
    const size = (Math.abs(value) + Math.abs(target)) / 2;
    this.count++;
    this.absolute += error;
    this.squared += error * error;
    if (target === 0) this.zeroTargets++;
    else this.percent += error / Math.abs(target);
    if (size > 0) this.symmetric += error / size;
    const step = target - this.mean;
    this.mean += step / this.count;
    this.spread += step * (target - this.mean);
  }
}
