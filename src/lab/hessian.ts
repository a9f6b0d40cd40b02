/**
 * Hessian-vector products without the Hessian: the forward and the backward pass are differentiated along a direction (Pearlmutter
 * 1994), layer by layer. The LSTM's equations are in core/lstm/curvature.ts; this file has the other layers and the losses:
 *
 *   linear      Ry = Rx W' + x RW' + Rb,  Rdx = Rdy W + dy RW,  RdW += Rdy'x + dy'Rx,  Rdb += sum Rdy         of (A1), (A1')
 *   embedding   Ry[r] = RE[ids[r]],  RdE[ids[r]] += Rdy[r]                                                     of (E1), (E1')
 *   cross-entropy         dz = s (p - q), so Rdz = s p (Rz - sum of p Rz), s the row's weight in the mean      of (L1')
 *   mean squared error    dy = 2 s (y - t), so Rdy = 2 s Ry                                                    of (L2')
 */
import { requireOptions, requireValues } from '../checks.js';
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import { crossEntropyDivisor, valueLossScale } from '../contract/kernels.js';
import { requireBatch } from '../core/batch.js';
import type { AnyLayerTape } from '../core/layers/registry.js';
import { type LossSpec, requireLoss } from '../core/losses.js';
import { LstmCurvature } from '../core/lstm/curvature.js';
import type { LstmTape } from '../core/lstm/tape.js';
import { Lease } from '../core/memory/lease.js';
import type { Arena } from '../core/memory/parameters.js';
import { hostNumbers } from '../core/memory/views.js';
import { type Batch, defaultLoss, type Model, type PassOptions } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import type { Tape } from '../core/tape.js';
import { invalidSetting, UnspoolError } from '../errors.js';

/**
 * The product H w of the Hessian H of the batch's mean loss with a direction w: P numbers, in the order of `model.parameters`
 * (Pearlmutter 1994).
 *
 * @param direction w, P numbers.
 * @throws `SHAPE_MISMATCH` for a direction of another length; `INVALID_SETTING` for layers other than embeddings, standard forward
 *   LSTMs, dropout and linear layers, for losses other than `crossEntropy` and `meanSquaredError`, and for batches with lengths.
 */
export async function hessianVector(
  model: Model,
  batch: Batch,
  direction: ArrayLike<number>,
  options: Pick<PassOptions, 'loss' | 'from'> = {},
): Promise<FloatArray> {
  requireModel(model);
  requireOptions('options', options ?? null, ['loss', 'from']);
  const P = model.parameters.layout.size;
  requireValues('direction', direction);
  if (direction.length !== P) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'hessianVector',
      tensor: 'direction',
      expected: [P],
      actual: [direction.length],
      help: 'Give one number for each parameter, in the order of model.parameters.',
    });
  }
  const spec = requireLoss(options.loss ?? defaultLoss(batch));
  requireBatch(model, batch, spec);
  if (batch.lengths || batch.batchFirst)
    throw invalidSetting('batch', 'must not have lengths or batchFirst for second derivatives.');
  // Everything runs before the first await, with one set of weights.
  const { tape, gradients } = model.startGradients(batch, { ...options, loss: spec });
  const [w, product] = [model.arena(), model.arena()];
  const lease = new Lease(model.kernels, 'system');
  try {
    model.kernels.upload(w.matrix, direction);
    product.clear();
    new Curvature(lease.kernels, model, tape, w, product).run(spec, batch);
    return hostNumbers(model.kernels, product.matrix).slice();
  } finally {
    lease.end({ what: 'The product', help: 'Call hessianVector() again.' });
    for (const arena of [w, product, gradients]) arena.free();
    tape.free();
  }
}

type Layer<K extends AnyLayerTape['kind']> = AnyLayerTape & { readonly kind: K };

class Curvature {
  private readonly k: Kernels;
  private readonly model: Model;
  private readonly tape: Tape;
  private readonly w: Arena;
  private readonly product: Arena;
  private readonly lstms = new Map<LstmTape, LstmCurvature>();

  constructor(k: Kernels, model: Model, tape: Tape, w: Arena, product: Arena) {
    this.k = k;
    this.model = model;
    this.tape = tape;
    this.w = w;
    this.product = product;
  }

  run(loss: LossSpec, batch: Batch): void {
    const { layers } = this.tape;
    /** R{y} of each layer; null if it is 0. */
    const moved: (Matrix | null)[] = [];
    for (const layer of layers) moved.push(this.forward(layer, moved.at(-1) ?? null));
    const top = layers.at(-1)!;
    let Rdy = this.lossBack(loss, batch, top.y, moved.at(-1) ?? null);
    for (let i = layers.length - 1; i >= 0; i--) Rdy = this.backward(layers[i]!, Rdy, moved[i - 1] ?? null, i > 0);
  }

  private forward(layer: AnyLayerTape, Rx: Matrix | null): Matrix | null {
    const { k, model, w, lstms } = this;
    if (layer.kind === 'lstm') {
      const own = new LstmCurvature(k, layer);
      lstms.set(layer, own);
      own.forward(layer.parameters.in(model.parameters), layer.parameters.in(w), Rx);
      return own.out;
    }
    if (layer.kind === 'embedding') {
      const out = k.alloc(layer.y.rows, layer.y.cols);
      k.gatherRows(out, w.part(`${layer.name}.weight`), layer.ids);
      return out;
    }
    if (layer.kind === 'linear') return this.linear(layer, Rx);
    if (layer.kind === 'dropout') return Rx; // the identity outside training
    throw invalidSetting(layer.name, `is a layer of kind ${layer.kind}, whose second derivatives are not written.`);
  }

  private linear(layer: Layer<'linear'>, Rx: Matrix | null): Matrix {
    const { k, model, w } = this;
    const { weight, bias } = layer.names;
    const out = k.alloc(layer.y.rows, layer.y.cols);
    if (bias) k.fillRows(out, w.part(bias));
    k.gemm(out, layer.x, w.part(weight), { transB: true, accumulate: bias !== null });
    if (Rx) k.gemm(out, Rx, model.parameters.part(weight), { transB: true, accumulate: true });
    return out;
  }

  /** Adds to H w and returns R{dx}, if a lower layer needs it. */
  private backward(layer: AnyLayerTape, Rdy: Matrix, Rx: Matrix | null, wanted: boolean): Matrix {
    const { k, model, w, product } = this;
    if (layer.kind === 'dropout') return Rdy;
    if (layer.kind === 'embedding') {
      k.scatterAddRows(product.part(`${layer.name}.weight`), layer.ids, Rdy);
      return Rdy;
    }
    const { x } = layer as Layer<'lstm' | 'linear'>;
    const Rdx = wanted ? k.alloc(x.rows, x.cols) : null;
    if (layer.kind === 'lstm') {
      const [p, direction, out] = [model.parameters, w, product].map((arena) => layer.parameters.in(arena));
      this.lstms.get(layer)!.backward(p!, direction!, out!, Rdy, Rx, Rdx);
    } else if (layer.kind === 'linear') this.linearBack(layer, Rdy, Rx, Rdx);
    return Rdx ?? Rdy;
  }

  private linearBack(layer: Layer<'linear'>, Rdy: Matrix, Rx: Matrix | null, Rdx: Matrix | null): void {
    const { k, model, w, product } = this;
    const { weight, bias } = layer.names;
    k.gemm(product.part(weight), Rdy, layer.x, { transA: true, accumulate: true });
    if (Rx) k.gemm(product.part(weight), layer.dy!, Rx, { transA: true, accumulate: true });
    if (bias) k.sumRows(product.part(bias), Rdy);
    if (!Rdx) return;
    k.gemm(Rdx, Rdy, model.parameters.part(weight));
    k.gemm(Rdx, layer.dy!, w.part(weight), { accumulate: true });
  }

  /** R{dL/dy}. */
  private lossBack(loss: LossSpec, { targets, weights }: Batch, y: Matrix, Ry: Matrix | null): Matrix {
    const { k, tape } = this;
    const out = k.alloc(y.rows, y.cols);
    if (!Ry) return out;
    const [to, R] = [hostNumbers(k, out), hostNumbers(k, Ry)];
    const C = y.cols;
    if (loss.kind === 'meanSquaredError') {
      const scale = 2 * valueLossScale(C, y.rows, weights ?? null);
      for (let e = 0; e < to.length; e++) to[e] = scale * (weights?.[Math.floor(e / C)] ?? 1) * R[e]!;
      return out;
    }
    if (loss.kind !== 'crossEntropy' || loss.labelSmoothing) {
      throw invalidSetting(
        'loss',
        'has no second derivatives written; crossEntropy without smoothing and meanSquaredError have.',
      );
    }
    const p = hostNumbers(k, tape.loss!.probabilities!);
    const divisor = crossEntropyDivisor({ classes: targets, rowWeights: weights ?? null }, loss);
    for (let r = 0; r < y.rows; r++) {
      const target = targets[r]!;
      if (target === (loss.ignoreIndex ?? -1)) continue;
      const share = ((weights?.[r] ?? 1) * (loss.classWeights?.[target] ?? 1)) / divisor;
      let mean = 0;
      for (let c = 0; c < C; c++) mean += p[r * C + c]! * R[r * C + c]!;
      for (let c = 0; c < C; c++) to[r * C + c] = share * p[r * C + c]! * (R[r * C + c]! - mean);
    }
    return out;
  }
}
