/** (F2)-(F4) and (B4)-(B2) of any variant: one instruction for the standard cell, otherwise two halves around c. */
import type { LstmStep, Matrix } from '../../contract/kernels.js';
import { drawMask, streamOf } from '../masks.js';
import { blocks } from '../pass.js';
import type { Slot } from './hold-stages.js';
import type { LstmParts } from './parameters.js';
import type { CellValues } from './program.js';
import type { VariantBuffers } from './variant.js';

export function cellStage(b: VariantBuffers, slot: Slot) {
  const { k, step, live, pass, grad, rates, variant } = b;
  const { steps: T, batchSize: N } = b.shape;
  const H = b.spec.hiddenSize;
  const cell = b.spec.cell ?? {};
  const whole = b.standardCell && rates.candidate === 0;
  const masks = rates.candidate > 0 ? k.alloc(T * N, H) : null;
  const stream = streamOf(`${b.name}/candidateDropout`);
  const source = { stream, rate: rates.candidate, over: 'steps', batchSize: N } as const;
  const maskSteps = masks && blocks(k, masks, N);
  const norm = cell.layerNorm
    ? { out: blocks(k, k.alloc(T * N, H), N), stats: blocks(k, k.alloc(T * N, 2), N), d: k.alloc(N, H) }
    : null;
  if (norm) live?.blank('forward', norm.out);
  const join = (states: Slot['values'], gates: readonly { readonly y: LstmStep }[]): LstmStep[] =>
    states.map(({ h, c }, t) => ({ gates: gates[t]!.y.gates, c, h }));
  const ys = join(slot.values, b.steps);
  const ds = grad && join(slot.grads!, grad.steps);
  const maskAt = (t: number): Matrix | null => (maskSteps && pass.noise ? maskSteps[t]! : null);

  const argumentsAt = (p: LstmParts, t: number) => ({ variant, peepholes: p.peepholes, mask: maskAt(t) });

  return {
    /** Whether `backward` adds to the gradients of the gates, which must then start at 0 or with gate recurrence. */
    addsToGates: !whole,
    draw() {
      if (masks && pass.noise) drawMask(k, masks, pass.noise, source);
    },
    forward(p: LstmParts, t: number) {
      const y = ys[t]!;
      const { c: cPrev } = b.steps[t]!.before;
      if (whole) return step.lstmCell(y, cPrev);
      const cellArguments = argumentsAt(p, t);
      step.cellState(y, cPrev, cellArguments);
      if (norm) step.layerNorm(norm.out[t]!, { a: y.c, stats: norm.stats[t]!, ...p.norms!.c }, false); // (N1)
      step.cellOutput(y, norm ? norm.out[t]! : y.c, cellArguments);
    },
    backward(p: LstmParts, d: LstmParts, t: number) {
      const [y, dy] = [ys[t]!, ds![t]!];
      const { c: cPrev } = b.steps[t]!.before;
      const { c: dcPrev } = grad!.steps[t]!.before;
      if (whole) return step.lstmCellGrad(dy, dcPrev, y, cPrev);
      const cellArguments = argumentsAt(p, t);
      const { gates, c, h } = dy;
      const { peepholes } = d;
      if (norm) {
        step.fill(norm.d, 0);
        step.cellOutputGrad({ gates, c, h, s: norm.d, peepholes }, y, norm.out[t]!, cellArguments);
        step.layerNormGrad({ a: c, ...d.norms!.c }, norm.d, { a: y.c, stats: norm.stats[t]!, ...p.norms!.c }, true);
      } else step.cellOutputGrad({ gates, c, h, s: c, peepholes }, y, y.c, cellArguments);
      step.cellStateGrad({ gates, c, cPrev: dcPrev, peepholes }, y, cPrev, cellArguments);
    },
    values(t: number): Omit<CellValues, 'external'> {
      const y = ys[t]!;
      return { y, d: ds && ds[t]!, mask: maskAt(t), squashed: norm ? norm.out[t]! : y.c };
    },
  };
}
