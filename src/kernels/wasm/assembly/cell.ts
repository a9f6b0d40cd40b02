/**
 * The pointwise part of the standard LSTM cell, four units at a time. docs/derivation.md derives the equations;
 * kernels/reference/cell.ts has them in plain code.
 *   (F2) i,f,o = sigmoid, g = tanh     (B4) do = dh*tc;  dc = dc+ + dh*o*(1 - tc^2)
 *   (F3) c = f*c- + i*g                (B3) di = dc*g;  dg = dc*i;  df = dc*c-;  dc- = dc*f
 *   (F4) h = o*tc,  tc = tanh c        (B2) da_s = ds*s*(1-s) for s in i,f,o;  da_g = dg*(1-g^2)
 */
import { loadSome, storeSome } from './lanes';
import { flush, sigmoid, tanh } from './math';

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

/**
 * `gates` (N, 4H) holds the pre-activations a before, and i|f|g|o after. The last units of a row may be less than four: only then
 * loads and stores take one lane at a time, so that both cases share the arithmetic.
 */
export function lstmCell(gates: usize, c: usize, h: usize, cPrev: usize, N: i32, H: i32): void {
  const row = (<usize>H) << 2;
  for (let n = 0; n < N; n++, gates += 3 * row) {
    for (let j = 0; j < H; j += 4) {
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
      const now = f32x4.add(f32x4.mul(f, before), f32x4.mul(i, g)); // (F3)
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
  const one = f32x4.splat(1);
  for (let n = 0; n < N; n++, da += 3 * row, gates += 3 * row) {
    for (let j = 0; j < H; j += 4) {
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
      const dO = f32x4.mul(dhNow, tc); // (B4)
      const through = f32x4.mul(f32x4.mul(dhNow, o), f32x4.sub(one, f32x4.mul(tc, tc)));
      dcNow = flush(f32x4.add(dcNow, through));
      const di = f32x4.mul(dcNow, g); // (B3)
      const dg = f32x4.mul(dcNow, i);
      const df = f32x4.mul(dcNow, before);
      const past = flush(f32x4.mul(dcNow, f));
      i = flush(f32x4.mul(di, f32x4.mul(i, f32x4.sub(one, i)))); // (B2)
      f = flush(f32x4.mul(df, f32x4.mul(f, f32x4.sub(one, f))));
      g = flush(f32x4.mul(dg, f32x4.sub(one, f32x4.mul(g, g))));
      o = flush(f32x4.mul(dO, f32x4.mul(o, f32x4.sub(one, o))));
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
