/**
 * (P1) h = u Whr', with the cell's output u (N, H) and h (N, R) (LSTMP, Sak et al. 2014). Its derivative: du = dh Whr and, for
 * all steps together, dWhr += dh' u.
 */
import type { PackedMatrix } from '../../contract/kernels.js';
import { blocks } from '../pass.js';
import type { Slot } from './hold-stages.js';
import type { LstmParts } from './parameters.js';
import type { VariantBuffers } from './variant.js';

export function projectionStage(b: VariantBuffers, to: Slot) {
  const { k, step, live } = b;
  const { steps: T, batchSize: N } = b.shape;
  const H = b.spec.hiddenSize;
  const outputs = k.alloc(T * N, H);
  const dOutputs = b.grad ? k.alloc(T * N, H) : null;
  let packed!: PackedMatrix;
  let packedBack!: PackedMatrix;
  const us = blocks(k, outputs, N);
  const dus = dOutputs && blocks(k, dOutputs, N);
  live?.blank('forward', us);
  if (dus) live?.blank('backward', dus);
  const inner: Slot = {
    values: to.values.map(({ c }, t) => ({ h: us[t]!, c })),
    grads: to.grads?.map(({ c }, t) => ({ h: dus![t]!, c })) ?? null,
    dh: dOutputs,
  };
  return {
    /** The slot that the cell writes: u instead of h. */
    inner,
    /** Takes the weights of a pass. */
    take(p: LstmParts) {
      packed = p.packed.Whr();
    },
    takeBack(p: LstmParts) {
      packedBack = p.packed.WhrBack();
    },
    forward: (t: number) => step.gemmPacked(to.values[t]!.h, us[t]!, packed, false), // (P1)
    backward: (t: number) => step.gemmPacked(dus![t]!, to.grads![t]!.h, packedBack, false), // (P1) du = dh Whr
    gradients: (d: LstmParts) => b.weightGradient(d.weightHr!, to.dh!, outputs), // dWhr += dh' u
  };
}
