/** The backward half of an LSTM's trace: what the tape holds, and where each part of dL/dc and dL/dh came from. */
import type { Kernels } from '../contract/kernels.js';
import { gateGradients } from '../core/lstm/gate-gradients.js';
import type { GivenState, LstmTape } from '../core/lstm/tape.js';
import { download, downloadAll, type Grid, grid, rowOf, times } from './grid.js';
import { type Forward, type Parts, type Products, range, split } from './lstm-forward.js';
import { type LstmTraceGrad, shifted, stepAfter, type TracedForm } from './lstm-trace.js';
import { standardisedGrad } from './normalized.js';

/** dh o f'(s), and through a normalization of c and an output peephole: what reached c through the cell's output. */
async function cFromOutput(
  k: Kernels,
  layer: LstmTape,
  form: TracedForm,
  parts: Parts,
): Promise<Pick<LstmTraceGrad, 'cFromH' | 'normalizedC'>> {
  const { steps: T } = layer.shape;
  const H = layer.hiddenSize;
  const room = { gates: k.alloc(1, 4 * H), c: k.alloc(1, H) };
  const out = k.alloc(T, H);
  try {
    for (let t = 0; t < T; t++) {
      const { y, d, squashed } = layer.cell(t);
      k.fill(room.gates, 0);
      const ds = k.view(out, t * H, 1, H);
      k.cellOutputGrad({ ...room, h: d!.h, s: ds, peepholes: null }, y, squashed, {
        variant: { ...form, gates: 'noOutput' },
        peepholes: null,
        mask: null,
      });
    }
    let found = await download(k, out);
    const normalizedC = form.layerNorm ? found : null;
    if (form.layerNorm) {
      const c = await downloadAll(
        k,
        range(T).map((t) => layer.cell(t).y.c),
      );
      found = standardisedGrad(found, c, parts('norm_gain_c'));
    }
    if (form.peepholes) {
      const p = parts('peephole_o').data;
      const da = await downloadAll(
        k,
        range(T).map((t) => layer.cell(t).d!.gates),
      );
      for (let e = 0; e < found.data.length; e++) {
        found.data[e]! += p[e % H]! * da.data[4 * (e - (e % H)) + 3 * H + (e % H)]!;
      }
    }
    return { cFromH: found, normalizedC };
  } finally {
    for (const m of [room.gates, room.c, out]) k.free(m);
  }
}

/** What the step computed after each sent back to c and h: (B3) and (B1) of that one. `after`: of beyond the last step. */
function fromNext(
  layer: Forward,
  d: Pick<LstmTraceGrad, 'a' | 'c' | 'h' | 'cell' | 'recurrentProduct'>,
  parts: Parts,
  after: GivenState | null,
): Pick<LstmTraceGrad, 'cFromNext' | 'hFromNext'> {
  const { form, hiddenSize: H, outputSize: R, steps: T } = layer;
  const through = times(d.recurrentProduct, parts('weight_hh')); // da Wh'
  const [c, h] = [grid(T, H), grid(T, R)];
  const peephole = form.peepholes ? { i: parts('peephole_i').data, f: parts('peephole_f').data } : null;
  for (let t = 0; t < T; t++) {
    const [toC, toH, next] = [rowOf(c, t), rowOf(h, t), stepAfter(layer, t)];
    if (next === null) {
      if (after) {
        toC.set(after.c);
        toH.set(after.h);
      }
      continue;
    }
    for (let j = 0; j < R; j++) {
      toH[j] = through.data[next * R + j]! + form.zoneoutH * d.h.data[next * R + j]!;
    }
    for (let j = 0; j < H; j++) {
      const s = next * H + j;
      const inside = Math.abs(layer.cell.c.data[s]!) < form.clip ? d.cell.c.data[s]! : 0;
      toC[j] = inside * layer.gates.f.data[s]! + form.zoneoutC * d.c.data[s]!;
      if (peephole) toC[j]! += peephole.i[j]! * d.a.i.data[s]! + peephole.f[j]! * d.a.f.data[s]!;
    }
  }
  return { cFromNext: c, hFromNext: h };
}

/**
 * `above`: dL/dh that the layers above gave, [T, R]; `after`: dL/dh and dL/dc of the state that it ended with, from beyond the
 * last step.
 */
export async function backwardTrace(
  k: Kernels,
  layer: LstmTape,
  forward: Forward,
  parts: Parts,
  product: Products,
  above: Grid,
  after: GivenState | null,
): Promise<LstmTraceGrad> {
  const { form, hiddenSize: H, steps: T } = forward;
  const steps = layer.grad!.steps;
  const own = (of: (t: number) => Parameters<typeof downloadAll>[1][number]) => downloadAll(k, range(T).map(of));
  const [c, h] = [await own((t) => steps[t]!.y.c), await own((t) => steps[t]!.y.h)];
  const cell = { c: await own((t) => layer.cell(t).d!.c), h: await own((t) => layer.cell(t).d!.h) };
  const da = await download(k, layer.grad!.gates);
  const externals = range(T).map((t) => layer.cell(t).external);
  const external = new Float64Array(T * 3 * H);
  for (const [t, m] of externals.entries()) if (m) external.set(await k.download(m), t * 3 * H);
  const by = gateGradients(form, H, {
    gates: (await download(k, layer.gates)).data,
    c: forward.cell.c.data,
    cBefore: shifted(forward, forward.c, forward.initial.c).data,
    dc: cell.c.data,
    dh: cell.h.data,
    squashed: forward.tanhC.data,
    mask: null,
    external: form.gateRecurrence ? external : null,
  });
  const back = (of: 'ih' | 'hh', rows: Grid): Grid =>
    form.layerNorm ? standardisedGrad(da, rows, parts(`norm_gain_${of}`)) : da;
  const [inputProduct, recurrentProduct] = [back('ih', product.x), back('hh', product.h)];
  const a = split(da, H);
  const initial = layer.initialStateGrad()!;
  return {
    x: times(inputProduct, parts('weight_ih')),
    a,
    gates: { i: grid(T, H, by.i), f: grid(T, H, by.f), g: grid(T, H, by.g), o: grid(T, H, by.o) },
    c,
    ...(await cFromOutput(k, layer, form, parts)),
    h,
    hFromAbove: above,
    ...fromNext(forward, { a, c, h, cell, recurrentProduct }, parts, after),
    cell,
    initial: { c: await download(k, initial.c), h: await download(k, initial.h) },
    inputProduct,
    recurrentProduct,
  };
}
