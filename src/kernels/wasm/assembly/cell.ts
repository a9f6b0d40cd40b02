/**
 * The pointwise part of the standard LSTM cell, four units at a time. docs/derivation.md derives the equations;
 * kernels/reference/cell.ts has them in plain code.
 *   (F2) i,f,o = sigmoid, g = tanh     (B4) do = dh*tc;  dc = dc+ + dh*o*(1 - tc^2)
 *   (F3) c = f*c- + i*g                (B3) di = dc*g;  dg = dc*i;  df = dc*c-;  dc- = dc*f
 *   (F4) h = o*tc,  tc = tanh c        (B2) da_s = ds*s*(1-s) for s in i,f,o;  da_g = dg*(1-g^2)
 */
import { load, store } from './lanes';
import { flush, sigmoid, tanh } from './math';

// @ts-ignore: decorator
@inline
function cell(gates: usize, row: usize, c: usize, h: usize, cPrev: usize, lanes: i32): void {
  const i = sigmoid(load(gates, lanes)); // (F2)
  const f = sigmoid(load(gates + row, lanes));
  const g = tanh(load(gates + 2 * row, lanes));
  const o = sigmoid(load(gates + 3 * row, lanes));
  store(gates, i, lanes);
  store(gates + row, f, lanes);
  store(gates + 2 * row, g, lanes);
  store(gates + 3 * row, o, lanes);
  const now = f32x4.add(f32x4.mul(f, load(cPrev, lanes)), f32x4.mul(i, g)); // (F3)
  store(c, now, lanes);
  store(h, f32x4.mul(o, tanh(now)), lanes); // (F4)
}

/** `gates` (N, 4H) holds the pre-activations a before, and i|f|g|o after. */
export function lstmCell(gates: usize, c: usize, h: usize, cPrev: usize, N: i32, H: i32): void {
  const row = (<usize>H) << 2;
  const whole = H & ~3;
  for (let n = 0; n < N; n++) {
    let j = 0;
    for (; j < whole; j += 4, gates += 16, c += 16, h += 16, cPrev += 16) cell(gates, row, c, h, cPrev, 4);
    if (j < H) {
      cell(gates, row, c, h, cPrev, H - j);
      const rest = (<usize>(H - j)) << 2;
      gates += rest;
      c += rest;
      h += rest;
      cPrev += rest;
    }
    gates += 3 * row;
  }
}

// @ts-ignore: decorator
@inline
function cellGrad(
  da: usize, dc: usize, dh: usize, dcPrev: usize, gates: usize, row: usize, c: usize, cPrev: usize, lanes: i32,
): void {
  const one = f32x4.splat(1);
  const i = load(gates, lanes);
  const f = load(gates + row, lanes);
  const g = load(gates + 2 * row, lanes);
  const o = load(gates + 3 * row, lanes);
  const tc = tanh(load(c, lanes));
  const dhNow = load(dh, lanes);
  const dO = f32x4.mul(dhNow, tc); // (B4)
  const through = f32x4.mul(f32x4.mul(dhNow, o), f32x4.sub(one, f32x4.mul(tc, tc)));
  const dcNow = flush(f32x4.add(load(dc, lanes), through));
  store(dc, dcNow, lanes);
  const di = f32x4.mul(dcNow, g); // (B3)
  const dg = f32x4.mul(dcNow, i);
  const df = f32x4.mul(dcNow, load(cPrev, lanes));
  store(dcPrev, flush(f32x4.mul(dcNow, f)), lanes);
  store(da, flush(f32x4.mul(di, f32x4.mul(i, f32x4.sub(one, i)))), lanes); // (B2)
  store(da + row, flush(f32x4.mul(df, f32x4.mul(f, f32x4.sub(one, f)))), lanes);
  store(da + 2 * row, flush(f32x4.mul(dg, f32x4.sub(one, f32x4.mul(g, g)))), lanes);
  store(da + 3 * row, flush(f32x4.mul(dO, f32x4.mul(o, f32x4.sub(one, o)))), lanes);
}

/** Reads dh. `dc` holds dc+ before, and dL/dc after. Writes da and dcPrev. */
export function lstmCellGrad(
  da: usize, dc: usize, dh: usize, dcPrev: usize, gates: usize, c: usize, cPrev: usize, N: i32, H: i32,
): void {
  const row = (<usize>H) << 2;
  const whole = H & ~3;
  for (let n = 0; n < N; n++) {
    let j = 0;
    for (; j < whole; j += 4) {
      const at = (<usize>j) << 2;
      cellGrad(da + at, dc + at, dh + at, dcPrev + at, gates + at, row, c + at, cPrev + at, 4);
    }
    if (j < H) {
      const at = (<usize>j) << 2;
      cellGrad(da + at, dc + at, dh + at, dcPrev + at, gates + at, row, c + at, cPrev + at, H - j);
    }
    da += 4 * row;
    gates += 4 * row;
    dc += row;
    dh += row;
    dcPrev += row;
    c += row;
    cPrev += row;
  }
}
