/** The backward half of an LSTM's trace: what the tape has, and where each part of dL/dc and dL/dh came from. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { gateGradients } from '../core/lstm/gate-gradients.js';
import type { GivenState, LstmTape } from '../core/lstm/tape.js';
import { download, downloadAll, type Grid, grid, rowOf } from './grid.js';
import { type Forward, range, split } from './lstm-forward.js';
import { type LstmTraceGrad, shifted, stepAfter } from './lstm-trace.js';
import type { Replay, SentGradients } from './replay.js';

/** What dL/dh and dL/dc of a pass start from. */
export interface Arriving {
  /** dL/dh from the layers above, [T, R]. */
  readonly above: Grid;
  /** dL/dh and dL/dc of the final state, from beyond the last step. */
  readonly after: GivenState | null;
}

/** The part of dL/dc and dL/dh that came back from the step computed after: what that step sent, and zoneout's share (Z1'). */
function fromNext(
  layer: Forward,
  sent: SentGradients,
  d: Pick<LstmTraceGrad, 'c' | 'h'>,
  after: GivenState | null,
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

/** What gate recurrence sent back to i, f and o of each step, [T, 3H]; zeros without it. */
async function externalOf(k: Kernels, layer: LstmTape): Promise<Grid> {
  const { steps: T } = layer.shape;
  const external = grid(T, 3 * layer.hiddenSize);
  for (const t of range(T)) {
    const m = layer.cell(t).external;
    if (m) rowOf(external, t).set(await k.download(m));
  }
  return external;
}

/** Columns i | f | o of [T, 3H] as i | f | g | o of [T, 4H], g being 0. */
function withCandidate(external: Grid): Grid {
  const H = external.cols / 3;
  const out = grid(external.rows, 4 * H);
  for (let t = 0; t < external.rows; t++) {
    rowOf(out, t).set(rowOf(external, t).subarray(0, 2 * H));
    rowOf(out, t).set(rowOf(external, t).subarray(2 * H), 3 * H);
  }
  return out;
}

/** The gradients of one LSTM after a backward pass. */
export async function backwardTrace(
  k: Kernels,
  layer: LstmTape,
  forward: Forward,
  replay: Replay,
  { above, after }: Arriving,
): Promise<LstmTraceGrad> {
  const { hiddenSize: H, steps: T, variant } = forward;
  const steps = layer.grad!.steps;
  const own = (of: (t: number) => Matrix) => downloadAll(k, range(T).map(of));
  const [c, h] = [await own((t) => steps[t]!.y.c), await own((t) => steps[t]!.y.h)];
  const cell = { c: await own((t) => layer.cell(t).d!.c), h: await own((t) => layer.cell(t).d!.h) };
  const [da, gates] = [await download(k, layer.grad!.gates), await download(k, layer.gates)];
  const external = await externalOf(k, layer);
  const by = gateGradients(variant, H, {
    gates: gates.data,
    c: forward.cell.c.data,
    cBefore: shifted(forward, forward.c, forward.initial.c).data,
    dc: cell.c.data,
    dh: cell.h.data,
    squashed: forward.tanhC.data,
    mask: null,
    external: variant.gateRecurrence ? external.data : null,
  });
  const back = withCandidate(external);
  const sent = replay.sent({ da, dc: cell.c, external: back, gates });
  const initial = layer.initialStateGrad()!;
  return {
    x: sent.x,
    a: split(da, H),
    gates: { i: grid(T, H, by.i), f: grid(T, H, by.f), g: grid(T, H, by.g), o: grid(T, H, by.o) },
    c,
    ...replay.cFromOutput(gates, cell.h, back),
    h,
    hFromAbove: above,
    ...fromNext(forward, sent, { c, h }, after),
    cell,
    initial: { c: await download(k, initial.c), h: await download(k, initial.h) },
    inputProduct: sent.inputProduct,
    recurrentProduct: sent.recurrentProduct,
  };
}
