/**
 * (F1), what waits for the step before: a += LN?(u Wh'), u = m h-, and with gate recurrence a_ifo += [i f o]- R'.
 *   m     variational dropout: one mask on h- for all steps (Gal & Ghahramani 2016)
 *   Wh    with DropConnect, the masked weights of this pass (Merity et al. 2018)
 *   R     the gates see the gates of the step before (Greff et al. 2017, FGR)
 * Its part of (B1): dh- += m (da Wh), dWh += da' u for all steps at once; d[i f o]- = da_ifo R, dR += da_ifo' [i f o]-.
 */
import type { Matrix } from '../../contract/kernels.js';
import { drawMask, streamOf } from '../noise.js';
import { blocks } from '../pass.js';
import { wholeSequence } from './blocks.js';
import { type GateRecurrence, gateRecurrence } from './gate-recurrence.js';
import type { LstmParts } from './parameters.js';
import type { LstmBuffers } from './program.js';

export function recurrentStage(b: LstmBuffers) {
  const { k, pass, reverse, grad, spec, rates } = b;
  const { steps: T, batchSize: N } = b.shape;
  const [R, width] = [b.state.h.cols, b.gates.cols];
  const cut = (m: Matrix | null): Matrix[] | null => m && blocks(k, m, N);
  const packed = k.allocPacked(R, width);
  const packedBack = grad && k.allocPacked(width, R);
  const hBefore = wholeSequence(k, b.shape, b.state.h, 'before', reverse);
  const masked = rates.state > 0 ? { all: k.alloc(T * N, R), mask: k.alloc(N, R), d: k.alloc(N, R) } : null;
  const maskedSteps = cut(masked?.all ?? null);
  const dropped = rates.dropConnect > 0 ? { weights: k.alloc(width, R), mask: k.alloc(width, R) } : null;
  const normalized = spec.cell?.layerNorm === true;
  const products = normalized ? k.alloc(T * N, width) : null;
  const stats = cut(normalized ? k.alloc(T * N, 2) : null);
  const dProducts = normalized && grad ? k.alloc(T * N, width) : null;
  const [productSteps, dProductSteps] = [cut(products), cut(dProducts)];
  const gatesBefore: GateRecurrence | null = spec.cell?.gateRecurrence ? gateRecurrence(b) : null;
  const sources = {
    weights: { stream: streamOf(`${b.name}/dropConnect`), rate: rates.dropConnect, over: 'pass' },
    state: { stream: streamOf(`${b.name}/recurrentDropout`), rate: rates.state, over: 'rows' },
  } as const;
  const weights = (p: LstmParts): Matrix => (dropped && pass.noise ? dropped.weights : p.weightHh);

  return {
    /** dL/d(h- Wh), (T*N, 4H), after `backward` of all steps; null on a tape without gradients. */
    productGrad: dProducts ?? grad?.gates ?? null,
    pack(p: LstmParts) {
      if (dropped && pass.noise) {
        drawMask(k, dropped.mask, pass.noise, sources.weights);
        k.multiply(dropped.weights, p.weightHh, dropped.mask, false);
      }
      k.pack(packed, weights(p), true);
    },
    packBack: (p: LstmParts) => k.pack(packedBack!, weights(p), false),
    draw() {
      if (masked && pass.noise) drawMask(k, masked.mask, pass.noise, sources.state);
    },
    forward(p: LstmParts, t: number) {
      const { y, before } = b.steps[t]!;
      let u = before.h;
      if (masked && pass.noise) {
        u = maskedSteps![t]!;
        k.multiply(u, before.h, masked.mask, false);
      }
      if (products) {
        k.gemmPacked(productSteps![t]!, u, packed, false);
        k.layerNorm(y.gates, { a: productSteps![t]!, stats: stats![t]!, ...p.norms!.hh }, true); // (N1)
      } else k.gemmPacked(y.gates, u, packed, true); // (F1) + u Wh'
      gatesBefore?.forward(p, t);
    },
    backward(p: LstmParts, d: LstmParts, t: number) {
      const { y: dNow, before: dBefore } = grad!.steps[t]!;
      let da = dNow.gates;
      if (products) {
        da = dProductSteps![t]!;
        const { gain, bias } = d.norms!.hh;
        const norm = { a: productSteps![t]!, stats: stats![t]!, ...p.norms!.hh };
        k.layerNormGrad({ a: da, gain, bias }, dNow.gates, norm, false);
      }
      if (masked && pass.noise) {
        k.gemmPacked(masked.d, da, packedBack!, false);
        k.multiply(dBefore.h, masked.d, masked.mask, true);
      } else k.gemmPacked(dBefore.h, da, packedBack!, true); // (B1) dh- += da Wh'
      gatesBefore?.backward(p, t);
    },
    gradients(d: LstmParts) {
      const u = masked && pass.noise ? masked.all : hBefore;
      const da = dProducts ?? grad!.gates;
      if (dropped && pass.noise) {
        k.gemm(dropped.weights, da, u, { transA: true });
        k.multiply(d.weightHh, dropped.weights, dropped.mask, true);
      } else k.gemm(d.weightHh, da, u, { transA: true, accumulate: true }); //      dWh += h-'da
      gatesBefore?.gradients(d);
    },
    external: (t: number): Matrix | null => gatesBefore?.external(t) ?? null,
  };
}
