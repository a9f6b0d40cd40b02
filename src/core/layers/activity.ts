/**
 * Activation regularization (Merity et al. 2017): passes x through unchanged and adds to the objective
 *   (AR)  alpha mean(x^2)                    da: dx += 2 alpha x / n
 *   (TAR) beta mean((x_t - x_{t-1})^2)       da: dx_t += 2 beta (x_t - x_{t-1}) / m, dx_{t-1} less the same
 * where n counts all elements of x and m those of all steps but the first. Active in training only.
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import type { PassState } from '../pass.js';
import type { LayerInput, LayerTape, TapeContext } from './layer.js';

/** Activation regularization of the layer's input (AR and TAR, Merity et al. 2017), in training only. */
export interface ActivitySpec {
  readonly kind: 'activity';
  /** Adds alpha times the mean square of all elements. Default 0. */
  readonly alpha?: number;
  /** Adds beta times the mean square of the differences between successive steps. Default 0. */
  readonly beta?: number;
  /** Default `activity`. */
  readonly name?: string;
}

const SQUARED = { kind: 'meanSquaredError' } as const;

export class ActivityTape implements LayerTape {
  readonly kind = 'activity';
  readonly name: string;
  /** The input itself: nothing is copied. */
  readonly y: Matrix; // (T*N, C)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly spec: ActivitySpec;
  private readonly pass: PassState;
  /** (1,1) each: the norm of x, and the mean square of the differences. */
  private readonly values: { readonly norm: Matrix; readonly tar: Matrix };
  /** x at steps 1..T-1 and at steps 0..T-2; null for a single step. */
  private readonly pairs: Readonly<Record<'later' | 'earlier' | 'difference', Matrix>> | null;
  private readonly gradPairs: Readonly<Record<'later' | 'earlier', Matrix>> | null;

  constructor({ kernels: k, pass }: TapeContext, name: string, spec: ActivitySpec, input: LayerInput) {
    const { rows, cols } = input.x!;
    this.k = k;
    this.name = name;
    this.spec = spec;
    this.pass = pass;
    this.y = input.x!;
    this.dy = input.dx;
    this.outputSteps = input.steps;
    this.values = { norm: k.alloc(1, 1), tar: k.alloc(1, 1) };
    const N = rows / input.steps;
    const count = rows - N;
    const cut = (m: Matrix) => ({ later: k.view(m, N * cols, count, cols), earlier: k.view(m, 0, count, cols) });
    this.pairs = count > 0 ? { ...cut(this.y), difference: k.alloc(count, cols) } : null;
    this.gradPairs = count > 0 && this.dy ? cut(this.dy) : null;
  }

  /** What this pass adds to the objective: alpha AR + beta TAR. Null outside of training. */
  async penalty(): Promise<number | null> {
    if (!this.pass.noise) return null;
    const { alpha = 0, beta = 0 } = this.spec;
    const [[norm], [tar]] = [await this.k.download(this.values.norm), await this.k.download(this.values.tar)];
    return (alpha * norm! ** 2) / (this.y.rows * this.y.cols) + (this.pairs ? beta * tar! : 0);
  }

  forward(): void {
    const { k, pairs, values } = this;
    if (!this.pass.noise) return;
    k.norm(values.norm, this.y);
    if (pairs) k.valueLoss(values.tar, pairs.later, { values: pairs.earlier, rowWeights: null }, SQUARED);
  }

  backward(): void {
    const { k, pairs, gradPairs, dy } = this;
    const { alpha = 0, beta = 0 } = this.spec;
    if (!dy || !this.pass.noise) return;
    if (alpha) k.combine(dy, 1, dy, (2 * alpha) / (dy.rows * dy.cols), this.y); // (AR)
    if (!beta || !pairs || !gradPairs) return;
    const { later, earlier, difference } = pairs;
    const factor = (2 * beta) / (difference.rows * difference.cols);
    k.combine(difference, 1, later, -1, earlier);
    k.combine(gradPairs.later, 1, gradPairs.later, factor, difference); // (TAR)
    k.combine(gradPairs.earlier, 1, gradPairs.earlier, -factor, difference);
  }
}
