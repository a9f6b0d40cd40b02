/** How near values come to their targets: from sums, batch by batch. */
import { UnspoolError } from '../errors.js';

/** Sums over pairs of a value and its target: all measures of a regression at once. */
export class RegressionMetrics {
  /** Pairs counted. */
  count = 0;
  /** Pairs whose target is 0, which `mape` leaves out. */
  zeroTargets = 0;
  private absolute = 0;
  private squared = 0;
  private percent = 0;
  private symmetric = 0;
  /** Of the targets: their mean so far, and the sum of their squared distances from it (Welford 1962). */
  private mean = 0;
  private spread = 0;

  /** Throws `SHAPE_MISMATCH` unless there are as many of both. */
  add(values: ArrayLike<number>, targets: ArrayLike<number>): this {
    if (values.length !== targets.length) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'Regression.add',
        tensor: 'values',
        expected: [targets.length],
        actual: [values.length],
        help: 'Give one value a target.',
      });
    }
    for (let i = 0; i < targets.length; i++) this.addPair(values[i]!, targets[i]!);
    return this;
  }

  /** Mean absolute error, from 0 up, in the targets' unit. */
  get mae(): number {
    return this.absolute / this.count;
  }

  /** Root of the mean squared error, from 0 up, in the targets' unit. */
  get rmse(): number {
    return Math.sqrt(this.squared / this.count);
  }

  /** Mean of |error / target| in percent, from 0 up; targets of 0 are left out (`zeroTargets` says how many). */
  get mape(): number {
    return (100 * this.percent) / (this.count - this.zeroTargets);
  }

  /** Mean of |error| / ((|value| + |target|) / 2) in percent, 0 to 200; 0 where both are 0 (Makridakis 1993). */
  get smape(): number {
    return (100 * this.symmetric) / this.count;
  }

  /**
   * 1 - squared error / squared distance of the targets from their mean: 1 is perfect, 0 as good as that mean. Of constant
   * targets 1 where all are met, else 0 (as scikit-learn has it).
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
