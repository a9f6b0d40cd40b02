/** How the built-in optimizers are written: one function per rule, whose code reads like its formula. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import type { Optimizer, OptimizerPass, OptimizerSpec } from './optimizer.js';

/** The values that a rule's formula uses, in addition to the rule's own state. */
export interface RuleSymbols extends Pick<OptimizerPass, 'tensors' | 'window'> {
  /** The parameters, as one row. */
  readonly w: Matrix;
  /** The gradient, including L2 weight decay, as one row. */
  readonly g: Matrix;
  /** Learning rate of this update. */
  readonly rate: number;
  /** Number of this update, from 1. */
  readonly t: number;
}

/** A built-in optimizer. */
export interface Rule<State extends string> {
  readonly kind: string;
  readonly settings: object;
  /** Names of the rows that the rule keeps from update to update. */
  readonly state: readonly State[];
  /** Weight decay that is added to the gradient; default 0. */
  readonly l2?: number;
  update(symbols: RuleSymbols & Readonly<Record<State, Matrix>>, row: RowMath): void;
}

/** Arithmetic over whole rows. Methods that return a row write it to a temporary one. */
export class RowMath {
  readonly kernels: Kernels;
  private readonly pass: OptimizerPass;
  private temporaries = 0;

  constructor(pass: OptimizerPass) {
    this.kernels = pass.kernels;
    this.pass = pass;
  }

  /** A row of this update's own, with undefined content. */
  temporary(): Matrix {
    return this.pass.scratch(this.temporaries++);
  }

  /** m = beta m + (1 - beta) g */
  average(m: Matrix, beta: number, g: Matrix): void {
    this.kernels.combine(m, beta, m, 1 - beta, g);
  }

  /** v = beta v + (1 - beta) g^2 */
  averageSquare(v: Matrix, beta: number, g: Matrix): void {
    this.kernels.mixProduct(v, beta, 1 - beta, g, g);
  }

  /** v = v + scale g^2 */
  addSquare(v: Matrix, scale: number, g: Matrix): void {
    this.kernels.mixProduct(v, 1, scale, g, g);
  }

  /** w = w - rate d */
  subtract(w: Matrix, rate: number, d: Matrix): void {
    this.kernels.combine(w, 1, w, -rate, d);
  }

  /** w = w - rate a / b */
  subtractQuotient(w: Matrix, rate: number, a: Matrix, b: Matrix): void {
    this.kernels.addQuotient(w, -rate, a, b);
  }

  /** alpha a + beta b */
  combine(alpha: number, a: Matrix, beta: number, b: Matrix): Matrix {
    const out = this.temporary();
    this.kernels.combine(out, alpha, a, beta, b);
    return out;
  }

  /** sqrt(v + inside) + outside */
  root(v: Matrix, { inside = 0, outside = 0 }: { readonly inside?: number; readonly outside?: number }): Matrix {
    const out = this.temporary();
    this.kernels.root(out, v, inside, outside);
    return out;
  }

  /** a / b */
  quotient(a: Matrix, b: Matrix): Matrix {
    const out = this.temporary();
    this.kernels.fill(out, 0);
    this.kernels.addQuotient(out, 1, a, b);
    return out;
  }
}

/** An `Optimizer` from a rule. */
export function optimizerOf<State extends string>({ kind, settings, state, l2 = 0, update }: Rule<State>): Optimizer {
  return {
    spec: { kind, ...settings } as unknown as OptimizerSpec,
    state,
    apply(pass) {
      const { parameters: w, gradients, state: rows, learningRate: rate, update: t, tensors, window } = pass;
      const row = new RowMath(pass);
      const g = l2 === 0 ? gradients : row.combine(1, gradients, l2, w);
      const symbols: RuleSymbols & Partial<Record<string, unknown>> = { w, g, rate, t, tensors, window };
      for (const name of state) symbols[name] = rows[name]; // much faster than a spread
      update(symbols as RuleSymbols & Readonly<Record<State, Matrix>>, row);
    },
  };
}
