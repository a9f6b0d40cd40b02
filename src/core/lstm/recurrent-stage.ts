/**
 * The part of (F1) that depends on the previous step: a += LN?(u Wh'), u = m h-, and with gate recurrence a_ifo += [i f o]- R'.
 *   m     variational dropout: one mask on h- for all steps (Gal & Ghahramani 2016)
 *   Wh    with DropConnect, the masked weights of this pass (Merity et al. 2018)
 *   R     gate recurrence: the gates read the gates of the previous step (Greff et al. 2017, FGR)
 * Its part of (B1): dh- += m (da Wh), dWh += da' u for all steps together; d[i f o]- = da_ifo R, dR += da_ifo' [i f o]-.
 */
import type { Matrix, PackedMatrix } from '../../contract/kernels.js';
import { drawMask, streamOf } from '../masks.js';
import { blocks } from '../pass.js';
import { wholeSequence } from './blocks.js';
import { type GateRecurrence, gateRecurrence } from './gate-recurrence.js';
import type { LstmParts } from './parameters.js';
import type { VariantBuffers } from './variant.js';

/** Variational dropout: u = m h-, with one mask for all steps. */
function stateDropout({ k, step, live, pass, rates, name, shape, state }: VariantBuffers) {
  const { steps: T, batchSize: N } = shape;
  const R = state.h.cols;
  const source = { stream: streamOf(`${name}/recurrentDropout`), rate: rates.state, over: 'rows' } as const;
  const [all, mask, du] = [k.alloc(T * N, R), k.alloc(N, R), k.alloc(N, R)];
  const us = blocks(k, all, N);
  live?.blank('forward', us);
  return {
    /** u of all steps, (T*N, R). */
    all,
    draw: () => drawMask(k, mask, pass.noise!, source),
    forward(t: number, hBefore: Matrix): Matrix {
      step.multiply(us[t]!, hBefore, mask, false);
      return us[t]!;
    },
    /** dh- += m (da Wh) */
    backward(dhBefore: Matrix, da: Matrix, weights: PackedMatrix) {
      step.gemmPacked(du, da, weights, false);
      step.multiply(dhBefore, du, mask, true);
    },
  };
}

/** DropConnect: the product uses M Wh, with one mask for the whole pass. */
function dropConnect({ k, pass, rates, name, gates, state, weightGradient }: VariantBuffers) {
  const source = { stream: streamOf(`${name}/dropConnect`), rate: rates.dropConnect, over: 'pass' } as const;
  const [rows, cols] = [gates.cols, state.h.cols];
  const [weights, mask] = [k.alloc(rows, cols), k.alloc(rows, cols)]; // M Wh and M, (4H, R)
  let [packed, packedBack]: (PackedMatrix | null)[] = [null, null];
  let isBackCurrent = false;
  return {
    /** (M Wh)', packed. */
    draw(weightHh: Matrix): PackedMatrix {
      drawMask(k, mask, pass.noise!, source);
      k.multiply(weights, weightHh, mask, false);
      packed ??= k.allocPacked(cols, rows);
      k.pack(packed, weights, true);
      isBackCurrent = false;
      return packed;
    },
    /** M Wh, packed: once after each `draw`, because `gradients` overwrites the weights. */
    back(): PackedMatrix {
      packedBack ??= k.allocPacked(rows, cols);
      if (!isBackCurrent) k.pack(packedBack, weights, false);
      isBackCurrent = true;
      return packedBack;
    },
    /** dWh += M (da' u). Overwrites the masked weights. */
    gradients(dWeightHh: Matrix, da: Matrix, u: Matrix) {
      weightGradient(weights, da, u, false);
      k.multiply(dWeightHh, weights, mask, true);
    },
  };
}

/** (N1) a += LN(u Wh'). */
function normalizedProduct({ k, step, live, grad, gates, shape, steps }: VariantBuffers) {
  const N = shape.batchSize;
  const all = k.alloc(gates.rows, gates.cols);
  const [products, stats] = [blocks(k, all, N), blocks(k, k.alloc(gates.rows, 2), N)];
  const d = grad && k.alloc(gates.rows, gates.cols);
  const ds = d && blocks(k, d, N);
  if (ds) live?.blank('backward', ds);
  return {
    /** dL/d(u Wh') of all steps, (T*N, 4H). */
    d,
    forward(p: LstmParts, t: number, u: Matrix, weights: PackedMatrix) {
      step.gemmPacked(products[t]!, u, weights, false);
      step.layerNorm(steps[t]!.y.gates, { a: products[t]!, stats: stats[t]!, ...p.norms!.hh }, true);
    },
    backward(p: LstmParts, { norms }: LstmParts, t: number): Matrix {
      const { gain, bias } = norms!.hh;
      const norm = { a: products[t]!, stats: stats[t]!, ...p.norms!.hh };
      step.layerNormGrad({ a: ds![t]!, gain, bias }, grad!.steps[t]!.y.gates, norm, false);
      return ds![t]!;
    },
  };
}

export function recurrentStage(b: VariantBuffers) {
  const { k, step, pass, grad, spec, rates } = b;
  const hBefore = wholeSequence(k, b.shape, b.state.h, 'before', b.reverse);
  const masked = rates.state > 0 ? stateDropout(b) : null;
  const dropped = rates.dropConnect > 0 ? dropConnect(b) : null;
  const normalized = spec.cell?.layerNorm ? normalizedProduct(b) : null;
  const gatesBefore: GateRecurrence | null = spec.cell?.gateRecurrence ? gateRecurrence(b) : null;
  /** Wh' and Wh of this pass, packed. */
  let packed!: PackedMatrix;
  let packedBack!: PackedMatrix;

  return {
    /** dL/d(u Wh'), (T*N, 4H), after `backward` of all steps; null on a tape without gradients. */
    productGrad: normalized?.d ?? grad?.gates ?? null,
    /** Draws the masks and takes the weights of a pass. */
    draw(p: LstmParts) {
      if (pass.noise) masked?.draw();
      packed = dropped && pass.noise ? dropped.draw(p.weightHh) : p.packed.Wh();
    },
    /** Takes the weights of the backward pass. */
    takeBack(p: LstmParts) {
      packedBack = dropped && pass.noise ? dropped.back() : p.packed.WhBack();
    },
    forward(p: LstmParts, t: number) {
      const { y, before } = b.steps[t]!;
      const u = masked && pass.noise ? masked.forward(t, before.h) : before.h;
      if (normalized) normalized.forward(p, t, u, packed);
      else step.gemmPacked(y.gates, u, packed, true); // (F1) + u Wh'
      gatesBefore?.forward(p, t);
    },
    backward(p: LstmParts, d: LstmParts, t: number) {
      const { y: dNow, before: dBefore } = grad!.steps[t]!;
      const da = normalized ? normalized.backward(p, d, t) : dNow.gates;
      if (masked && pass.noise) masked.backward(dBefore.h, da, packedBack);
      else step.gemmPacked(dBefore.h, da, packedBack, true); // (B1) dh- += da Wh
      gatesBefore?.backward(p, t);
    },
    gradients(d: LstmParts) {
      const u = masked && pass.noise ? masked.all : hBefore;
      const da = normalized?.d ?? grad!.gates;
      if (dropped && pass.noise) dropped.gradients(d.weightHh, da, u);
      else b.weightGradient(d.weightHh, da, u); // (B1) dWh += da' u
      gatesBefore?.gradients(d);
    },
    external: (t: number): Matrix | null => gatesBefore?.external(t) ?? null,
  };
}
