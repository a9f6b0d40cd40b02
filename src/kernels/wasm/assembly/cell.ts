/**
 * The pointwise part of the standard LSTM cell, four units at a time, or eight where V8 fuses pairs of vectors. docs/derivation.md derives the equations;
 * kernels/reference/cell.ts has them in plain code.
 *   (F2) i,f,o = sigmoid, g = tanh     (B4) do = dh*tc;  dc = dc+ + dh*o*(1 - tc^2)
 *   (F3) c = f*c- + i*g                (B3) di = dc*g;  dg = dc*i;  df = dc*c-;  dc- = dc*f
 *   (F4) h = o*tc,  tc = tanh c        (B2) da_s = ds*s*(1-s) for s in i,f,o;  da_g = dg*(1-g^2)
 */
import { loadSome, storeSome } from './lanes';
import { flush, one, sigmoid, tanh } from './math';

// @ts-ignore: decorator
@inline
function storeGates(p: usize, row: usize, i: v128, f: v128, g: v128, o: v128): void {
  v128.store(p, i);
  v128.store(p + row, f);
  v128.store(p + 2 * row, g);
  v128.store(p + 3 * row, o);
}

function storeSomeGates(p: usize, row: usize, i: v128, f: v128, g: v128, o: v128, lanes: i32): void {
  storeSome(p, i, lanes);
  storeSome(p + row, f, lanes);
  storeSome(p + 2 * row, g, lanes);
  storeSome(p + 3 * row, o, lanes);
}

/** (B2) of a gate s. */
// @ts-ignore: decorator
@inline
function gateGrad(ds: v128, s: v128): v128 {
  return flush(f32x4.mul(ds, f32x4.mul(s, f32x4.sub(one(), s))));
}

/** (B2) of the candidate g. */
// @ts-ignore: decorator
@inline
function candidateGrad(dg: v128, g: v128): v128 {
  return flush(f32x4.mul(dg, f32x4.sub(one(), f32x4.mul(g, g))));
}

/** (F3) */
// @ts-ignore: decorator
@inline
function state(i: v128, f: v128, g: v128, before: v128): v128 {
  return f32x4.add(f32x4.mul(f, before), f32x4.mul(i, g));
}

/** (B4) dc of dc+ */
// @ts-ignore: decorator
@inline
function stateGrad(dc: v128, dh: v128, o: v128, tc: v128): v128 {
  return flush(f32x4.add(dc, f32x4.mul(f32x4.mul(dh, o), f32x4.sub(one(), f32x4.mul(tc, tc)))));
}

/**
 * Eight units, as pairs of vectors that V8 fuses: it starts from two stores to adjacent addresses, and gives up if there is a store
 * between the loads that they depend on. So all loads come first and all stores last.
 */
// @ts-ignore: decorator
@inline
function eight(gates: usize, row: usize, c: usize, h: usize, cPrev: usize): void {
  const gf = gates + row;
  const gg = gates + 2 * row;
  const go = gates + 3 * row;
  const i0 = sigmoid(v128.load(gates));
  const i1 = sigmoid(v128.load(gates, 16));
  const f0 = sigmoid(v128.load(gf));
  const f1 = sigmoid(v128.load(gf, 16));
  const g0 = tanh(v128.load(gg));
  const g1 = tanh(v128.load(gg, 16));
  const o0 = sigmoid(v128.load(go));
  const o1 = sigmoid(v128.load(go, 16));
  const c0 = state(i0, f0, g0, v128.load(cPrev));
  const c1 = state(i1, f1, g1, v128.load(cPrev, 16));
  const h0 = f32x4.mul(o0, tanh(c0)); // (F4)
  const h1 = f32x4.mul(o1, tanh(c1));
  v128.store(gates, i0);
  v128.store(gates, i1, 16);
  v128.store(gf, f0);
  v128.store(gf, f1, 16);
  v128.store(gg, g0);
  v128.store(gg, g1, 16);
  v128.store(go, o0);
  v128.store(go, o1, 16);
  v128.store(c, c0);
  v128.store(c, c1, 16);
  v128.store(h, h0);
  v128.store(h, h1, 16);
}

/** The gradients of eight units, in the same order. */
// @ts-ignore: decorator
@inline
function eightGrad(
  da: usize, dc: usize, dh: usize, dcPrev: usize, gates: usize, row: usize, c: usize, cPrev: usize,
): void {
  const i0 = v128.load(gates);
  const i1 = v128.load(gates, 16);
  const f0 = v128.load(gates + row);
  const f1 = v128.load(gates + row, 16);
  const g0 = v128.load(gates + 2 * row);
  const g1 = v128.load(gates + 2 * row, 16);
  const o0 = v128.load(gates + 3 * row);
  const o1 = v128.load(gates + 3 * row, 16);
  const before0 = v128.load(cPrev);
  const before1 = v128.load(cPrev, 16);
  const dh0 = v128.load(dh);
  const dh1 = v128.load(dh, 16);
  const tc0 = tanh(v128.load(c));
  const tc1 = tanh(v128.load(c, 16));
  const dc0 = stateGrad(v128.load(dc), dh0, o0, tc0);
  const dc1 = stateGrad(v128.load(dc, 16), dh1, o1, tc1);
  const past0 = flush(f32x4.mul(dc0, f0)); // (B3)
  const past1 = flush(f32x4.mul(dc1, f1));
  const dai0 = gateGrad(f32x4.mul(dc0, g0), i0);
  const dai1 = gateGrad(f32x4.mul(dc1, g1), i1);
  const daf0 = gateGrad(f32x4.mul(dc0, before0), f0);
  const daf1 = gateGrad(f32x4.mul(dc1, before1), f1);
  const dag0 = candidateGrad(f32x4.mul(dc0, i0), g0);
  const dag1 = candidateGrad(f32x4.mul(dc1, i1), g1);
  const dao0 = gateGrad(f32x4.mul(dh0, tc0), o0); // (B4)
  const dao1 = gateGrad(f32x4.mul(dh1, tc1), o1);
  v128.store(dc, dc0);
  v128.store(dc, dc1, 16);
  v128.store(dcPrev, past0);
  v128.store(dcPrev, past1, 16);
  v128.store(da, dai0);
  v128.store(da, dai1, 16);
  v128.store(da + row, daf0);
  v128.store(da + row, daf1, 16);
  v128.store(da + 2 * row, dag0);
  v128.store(da + 2 * row, dag1, 16);
  v128.store(da + 3 * row, dao0);
  v128.store(da + 3 * row, dao1, 16);
}

/**
 * `gates` (N, 4H) holds the pre-activations a before, and i|f|g|o after. The last units of a row may be less than four: only then
 * loads and stores take one lane at a time, so that both cases share the arithmetic.
 */
export function lstmCell(gates: usize, c: usize, h: usize, cPrev: usize, N: i32, H: i32): void {
  const row = (<usize>H) << 2;
  for (let n = 0; n < N; n++, gates += 3 * row) {
    let j = 0;
    if (isDefined(FUSED)) {
      for (; j + 8 <= H; j += 8, gates += 32, c += 32, h += 32, cPrev += 32) eight(gates, row, c, h, cPrev);
    }
    for (; j < H; j += 4) {
      const lanes = min(4, H - j);
      let i: v128, f: v128, g: v128, o: v128, before: v128;
      if (lanes == 4) {
        i = v128.load(gates);
        f = v128.load(gates + row);
        g = v128.load(gates + 2 * row);
        o = v128.load(gates + 3 * row);
        before = v128.load(cPrev);
      } else {
        i = loadSome(gates, lanes);
        f = loadSome(gates + row, lanes);
        g = loadSome(gates + 2 * row, lanes);
        o = loadSome(gates + 3 * row, lanes);
        before = loadSome(cPrev, lanes);
      }
      i = sigmoid(i); // (F2)
      f = sigmoid(f);
      g = tanh(g);
      o = sigmoid(o);
      const now = state(i, f, g, before);
      const out = f32x4.mul(o, tanh(now)); // (F4)
      if (lanes == 4) {
        storeGates(gates, row, i, f, g, o);
        v128.store(c, now);
        v128.store(h, out);
      } else {
        storeSomeGates(gates, row, i, f, g, o, lanes);
        storeSome(c, now, lanes);
        storeSome(h, out, lanes);
      }
      const bytes = (<usize>lanes) << 2;
      gates += bytes;
      c += bytes;
      h += bytes;
      cPrev += bytes;
    }
  }
}

/** Reads dh. `dc` holds dc+ before, and dL/dc after. Writes da and dcPrev. */
export function lstmCellGrad(
  da: usize, dc: usize, dh: usize, dcPrev: usize, gates: usize, c: usize, cPrev: usize, N: i32, H: i32,
): void {
  const row = (<usize>H) << 2;
  for (let n = 0; n < N; n++, da += 3 * row, gates += 3 * row) {
    let j = 0;
    if (isDefined(FUSED)) {
      for (; j + 8 <= H; j += 8, da += 32, dc += 32, dh += 32, dcPrev += 32, gates += 32, c += 32, cPrev += 32)
        eightGrad(da, dc, dh, dcPrev, gates, row, c, cPrev);
    }
    for (; j < H; j += 4) {
      const lanes = min(4, H - j);
      let i: v128, f: v128, g: v128, o: v128, now: v128, before: v128, dhNow: v128, dcNow: v128;
      if (lanes == 4) {
        i = v128.load(gates);
        f = v128.load(gates + row);
        g = v128.load(gates + 2 * row);
        o = v128.load(gates + 3 * row);
        now = v128.load(c);
        before = v128.load(cPrev);
        dhNow = v128.load(dh);
        dcNow = v128.load(dc);
      } else {
        i = loadSome(gates, lanes);
        f = loadSome(gates + row, lanes);
        g = loadSome(gates + 2 * row, lanes);
        o = loadSome(gates + 3 * row, lanes);
        now = loadSome(c, lanes);
        before = loadSome(cPrev, lanes);
        dhNow = loadSome(dh, lanes);
        dcNow = loadSome(dc, lanes);
      }
      const tc = tanh(now);
      dcNow = stateGrad(dcNow, dhNow, o, tc); // (B4)
      const past = flush(f32x4.mul(dcNow, f)); // (B3)
      const dg = f32x4.mul(dcNow, i);
      i = gateGrad(f32x4.mul(dcNow, g), i);
      f = gateGrad(f32x4.mul(dcNow, before), f);
      g = candidateGrad(dg, g);
      o = gateGrad(f32x4.mul(dhNow, tc), o);
      if (lanes == 4) {
        v128.store(dc, dcNow);
        v128.store(dcPrev, past);
        storeGates(da, row, i, f, g, o);
      } else {
        storeSome(dc, dcNow, lanes);
        storeSome(dcPrev, past, lanes);
        storeSomeGates(da, row, i, f, g, o, lanes);
      }
      const bytes = (<usize>lanes) << 2;
      da += bytes;
      dc += bytes;
      dh += bytes;
      dcPrev += bytes;
      gates += bytes;
      c += bytes;
      cPrev += bytes;
    }
  }
}
