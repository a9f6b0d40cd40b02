/** The backward half of an LSTM's trace: the gradients on the tape, and the sources of dL/dc and dL/dh. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { gateGradients } from '../core/lstm/gate-gradients.js';
import type { LstmTape, StateNumbers } from '../core/lstm/tape.js';
import { download, downloadAll, type Grid, grid, rowOf } from './grid.js';
import { type Forward, range, splitGates } from './lstm-forward.js';
import { type LstmTraceGrad, shifted, stepAfter } from './lstm-trace.js';
import type { PreviousStepGradients, Replay } from './replay.js';

/** The gradients that enter the backward pass of an LSTM. */
export interface IncomingGradients {
  /** dL/dh from the layers above, [T, R]. */
  readonly above: Grid;
  /** dL/dh and dL/dc of the final state. */
  readonly after: StateNumbers | null;
}

/** The part of dL/dc and dL/dh from the step computed after: what that step returned, and the share of zoneout (Z1'). */
function fromNext(
  layer: Forward,
  sent: PreviousStepGradients,
  d: Pick<LstmTraceGrad, 'c' | 'h'>,
  after: StateNumbers | null,
): Pick<LstmTraceGrad, 'cFromNext' | 'hFromNext'> {
  const { variant, hiddenSize: H, outputSize: R, steps: T } = layer;
  const [c, h] = [grid(T, H), grid(T, R)];
  for (let t = 0; t < T; t++) {
    const [toC, toH, next] = [rowOf(c, t), rowOf(h, t), stepAfter(layer, t)];
    if (next === null) {
      if (after) {
        toC.set(after.c);
        toH.set(after.h);
      }
      continue;
    }
    for (let j = 0; j < R; j++) toH[j] = rowOf(sent.h, next)[j]! + variant.zoneoutH * rowOf(d.h, next)[j]!;
    for (let j = 0; j < H; j++) toC[j] = rowOf(sent.c, next)[j]! + variant.zoneoutC * rowOf(d.c, next)[j]!;
  }
  return { cFromNext: c, hFromNext: h };
}

/** The gradients by i, f and o from gate recurrence, [T, 3H]; zeros without it. */
async function gateRecurrenceGrad(k: Kernels, layer: LstmTape): Promise<Grid> {
  const { steps: T } = layer.shape;
  const external = grid(T, 3 * layer.hiddenSize);
  for (const t of range(T)) {
    const m = layer.cell(t).external;
    if (m) rowOf(external, t).set(await k.download(m));
  }
  return external;
}

/** Inserts columns of 0 for g: i | f | o of [T, 3H] becomes i | f | g | o of [T, 4H]. */
function withCandidate(external: Grid): Grid {
  const H = external.cols / 3;
  const out = grid(external.rows, 4 * H);
  for (let t = 0; t < external.rows; t++) {
    rowOf(out, t).set(rowOf(external, t).subarray(0, 2 * H));
    rowOf(out, t).set(rowOf(external, t).subarray(2 * H), 3 * H);
  }
  return out;
}

/** The gradients of one LSTM. Call it after the backward pass of its layer. */
export async function backwardTrace(
  k: Kernels,
  layer: LstmTape,
  forward: Forward,
  replay: Replay,
  { above, after }: IncomingGradients,
): Promise<LstmTraceGrad> {
  const { hiddenSize: H, steps: T, variant } = forward;
  const steps = layer.grad!.steps;
  const allSteps = (of: (t: number) => Matrix) => downloadAll(k, range(T).map(of));
  const [c, h] = [await allSteps((t) => steps[t]!.y.c), await allSteps((t) => steps[t]!.y.h)];
  const cell = { c: await allSteps((t) => layer.cell(t).d!.c), h: await allSteps((t) => layer.cell(t).d!.h) };
  const [da, gates] = [await download(k, layer.grad!.gates), await download(k, layer.gates)];
  const recurrence = await gateRecurrenceGrad(k, layer);
  const by = gateGradients(variant, H, {
    gates: gates.data,
    c: forward.cell.c.data,
    cBefore: shifted(forward, forward.c, forward.initial.c).data,
    dc: cell.c.data,
    dh: cell.h.data,
    squashed: forward.tanhC.data,
    mask: null,
    external: variant.gateRecurrence ? recurrence.data : null,
  });
  const external = withCandidate(recurrence);
  const sent = replay.previousStepGradients({ da, dc: cell.c, external, gates });
  const initial = layer.initialStateGrad()!;
  return {
    x: sent.x,
    a: splitGates(da, H),
    gates: { i: grid(T, H, by.i), f: grid(T, H, by.f), g: grid(T, H, by.g), o: grid(T, H, by.o) },
    c,
    ...replay.cFromOutput(gates, cell.h, external),
    h,
    hFromAbove: above,
    ...fromNext(forward, sent, { c, h }, after),
    cell,
    initial: { c: await download(k, initial.c), h: await download(k, initial.h) },
    inputProduct: sent.inputProduct,
    recurrentProduct: sent.recurrentProduct,
  };
}
