/**
 * All LSTM variants, as a sequence of stages. A time step runs the stages in order; the backward pass runs them in reverse:
 *
 *   input      a = LN?(x Wx') + b for all steps together                       (F1)
 *   recurrent  a += LN?((m h-) Wh') + R [i f o]-                               (F1)
 *   cell       i f g o, c and the cell's output                                (F2)-(F4)
 *   projection h = output Whr'                                                 (P1)
 *   zoneout    h, c = z [h-, c-] + (1 - z) [h, c]                              (Z1)
 *   ends       h, c = [h-, c-] in rows that have ended, for ragged batches     (Z2)
 *
 * Each stage is one file, with every forward computation directly above its derivative. Stages that the spec does not use are
 * null.
 */

import { blocks, inOrder } from '../pass.js';
import { type StateBlocks, wholeSequence } from './blocks.js';
import { cellStage } from './cell-stage.js';
import { gateGradientsAt } from './gate-gradients.js';
import { endsStage, type Slot, zoneoutStage } from './hold-stages.js';
import { inputStage } from './input-stage.js';
import type { CellValues, LstmBuffers, Program } from './program.js';
import { projectionStage } from './projection-stage.js';
import { recurrentStage } from './recurrent-stage.js';
import { type VariantBuffers, variantBuffers } from './variant.js';

/** Buffers between two stages: h and c of all steps, and their gradients. */
function slotOf(b: VariantBuffers): Slot {
  const { batchSize: N, steps: T } = b.shape;
  const H = b.spec.hiddenSize;
  const R = b.state.h.cols;
  const make = (): StateBlocks => ({ h: b.k.alloc(T * N, R), c: b.k.alloc(T * N, H) });
  const cut = ({ h, c }: StateBlocks) => {
    const [hs, cs] = [blocks(b.k, h, N), blocks(b.k, c, N)];
    return hs.map((own, t) => ({ h: own, c: cs[t]! }));
  };
  const grads = b.grad && make();
  const slot = { values: cut(make()), grads: grads && cut(grads), dh: grads?.h ?? null };
  for (const part of ['h', 'c'] as const) {
    b.live?.blank(
      'forward',
      slot.values.map((state) => state[part]),
    );
    if (slot.grads)
      b.live?.blank(
        'backward',
        slot.grads.map((state) => state[part]),
      );
  }
  return slot;
}

/** The stages that the spec needs. Each writes into the slot that the next one reads. */
function stagesOf(b: VariantBuffers) {
  const { k, spec, reverse, masks, grad, rates } = b;
  const state: Slot = {
    values: b.steps.map(({ y }) => y),
    grads: grad?.steps.map(({ y }) => y) ?? null,
    dh: grad && wholeSequence(k, b.shape, grad.state.h, 'after', reverse),
  };
  const held = masks ? slotOf(b) : state;
  const zoned = rates.zoneoutH > 0 || rates.zoneoutC > 0 ? slotOf(b) : held;
  const ends = masks ? endsStage(b, masks, held, state) : null;
  const zoneout = zoned === held ? null : zoneoutStage(b, zoned, held);
  const projection = spec.projectionSize === undefined ? null : projectionStage(b, zoned);
  const cell = cellStage(b, projection?.inner ?? zoned);
  return { ends, zoneout, projection, cell, recurrent: recurrentStage(b), input: inputStage(b) };
}

export function stagedProgram(buffers: LstmBuffers): Program {
  const b = variantBuffers(buffers);
  const { k, live, grad } = b;
  const times = inOrder(
    Array.from({ length: b.shape.steps }, (_, t) => t),
    b.reverse,
  );
  const back = [...times].reverse();
  const { ends, zoneout, projection, cell, recurrent, input } = stagesOf(b);

  const cellAt = (t: number): CellValues => ({ ...cell.values(t), external: recurrent.external(t) });

  return {
    forward(p) {
      recurrent.draw(p);
      projection?.take(p);
      cell.draw();
      zoneout?.draw();
      input.forward(p);
      for (const t of times) {
        if (live && !live.forward(t)) continue;
        recurrent.forward(p, t);
        cell.forward(p, t);
        projection?.forward(t);
        zoneout?.forward(t);
        ends?.forward(t);
      }
    },
    backward(p, d) {
      if (!grad) return;
      if (cell.addsToGates) k.fill(grad.gates, 0); // gate recurrence adds to it
      recurrent.takeBack(p);
      projection?.takeBack(p);
      for (const t of back) {
        if (live && !live.backward(t)) continue;
        ends?.backwardIn(t);
        zoneout?.backwardIn(t);
        projection?.backward(t);
        cell.backward(p, d, t);
        recurrent.backward(p, d, t);
        zoneout?.backwardPast(t);
        ends?.backwardPast(t);
      }
      projection?.gradients(d);
      recurrent.gradients(d);
      input.gradients(p, d);
    },
    cell: cellAt,
    gateGradients: (t) => gateGradientsAt(b, t, cellAt(t)),
  };
}
