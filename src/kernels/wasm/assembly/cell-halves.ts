/**
 * The LSTM cell in its other variants, cut in two at c (equations: kernels/reference/cell-halves.ts). Each function takes the
 * address of its arguments in memory (CellWord in ../layout); a peephole or a mask that is absent has the address 0.
 *
 * A row is computed in several passes, which find it in the processor's cache: the activation of a gate is chosen once per row.
 */
import { CellWord } from '../layout';
import { activateRow, gatesOf, slopeRow } from './contract';
import { fill, multiply } from './elements';
import { COUPLED, FORGET, INPUT, OUTPUT } from './gates';
import { bytes, load, SPAN, store, Workspace } from './lanes';
import { flush } from './math';
import { address, double, integer, real } from './words';

/** (F2) of n units of a gate: f(a + p * c), p a peephole or 0. */
function gateRow(args: usize, gate: usize, p: usize, c: usize, n: i32): void {
  if (p) multiply(gate, p, c, n, true);
  activateRow(
    integer(args, CellWord.gateKind), double(args, CellWord.gateAlpha), double(args, CellWord.gateBeta), gate, gate, n,
  );
}

/** (B2) of n units of a gate s: ds * f'(s). The caller flushes it. */
function gateSlopes(args: usize, ds: usize, s: usize, n: i32): void {
  slopeRow(integer(args, CellWord.gateKind), double(args, CellWord.gateAlpha), double(args, CellWord.gateBeta), ds, s, n);
}

/** out = f(x) of n units, f the activation of the candidate in the first half and of the output in the second. */
function otherRow(args: usize, out: usize, x: usize, n: i32): void {
  activateRow(
    integer(args, CellWord.otherKind), double(args, CellWord.otherAlpha), double(args, CellWord.otherBeta), out, x, n,
  );
}

/** d *= f'(x), computed from s = f(x). */
function otherSlopes(args: usize, d: usize, s: usize, n: i32): void {
  slopeRow(integer(args, CellWord.otherKind), double(args, CellWord.otherAlpha), double(args, CellWord.otherBeta), d, s, n);
}

/** x + p * da, or x without a peephole. */
// @ts-ignore: decorator
@inline
function peep(x: v128, p: usize, at: usize, da: v128, lanes: i32): v128 {
  return p ? f32x4.add(x, f32x4.mul(load(p + at, lanes), da)) : x;
}

/** Loads and flushes a gradient in place. */
// @ts-ignore: decorator
@inline
function flushed(p: usize, lanes: i32): v128 {
  const x = flush(load(p, lanes));
  store(p, x, lanes);
  return x;
}

export function cellState(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const pi = address(args, CellWord.inputPeephole);
  const pf = address(args, CellWord.forgetPeephole);
  const row = bytes(H);
  let i = address(args, CellWord.gates);
  let c = address(args, CellWord.c);
  let cPrev = address(args, CellWord.cPrev);
  let mask = address(args, CellWord.mask);
  const one = f32x4.splat(1);
  const high = f32x4.splat(real(args, CellWord.clip));
  const low = f32x4.neg(high);
  for (let n = 0; n < N; n++, i += 4 * row, c += row, cPrev += row) {
    const f = i + row;
    const g = f + row;
    if (set & INPUT) gateRow(args, i, pi, cPrev, H);
    else fill(i, 1, H);
    if (set & FORGET) gateRow(args, f, pf, cPrev, H);
    else fill(f, 1, H);
    otherRow(args, g, g, H);
    for (let j = 0; j < H; j += 4) {
      const lanes = min(4, H - j);
      const at = bytes(j);
      const iNow = load(i + at, lanes);
      let fNow: v128;
      if (set & COUPLED) {
        fNow = f32x4.sub(one, iNow);
        store(f + at, fNow, lanes);
      } else fNow = load(f + at, lanes);
      let kept = load(g + at, lanes);
      if (mask) kept = f32x4.mul(kept, load(mask + at, lanes));
      const now = f32x4.add(f32x4.mul(fNow, load(cPrev + at, lanes)), f32x4.mul(iNow, kept)); // (F3)
      store(c + at, f32x4.min(high, f32x4.max(low, now)), lanes);
    }
    if (mask) mask += row;
  }
}

export function cellStateGrad(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const row = bytes(H);
  let i = address(args, CellWord.gates);
  let c = address(args, CellWord.c);
  let cPrev = address(args, CellWord.cPrev);
  let dai = address(args, CellWord.dGates);
  let dc = address(args, CellWord.dc);
  let dcPrev = address(args, CellWord.dcPrev);
  let mask = address(args, CellWord.mask);
  const high = f32x4.splat(real(args, CellWord.clip));
  for (let n = 0; n < N; n++, i += 4 * row, dai += 4 * row, c += row, cPrev += row, dc += row, dcPrev += row) {
    const f = i + row;
    const g = f + row;
    const daf = dai + row;
    const dag = daf + row;
    for (let j = 0; j < H; j += 4) { // (B3)
      const lanes = min(4, H - j);
      const at = bytes(j);
      const inside = v128.and(load(dc + at, lanes), f32x4.lt(f32x4.abs(load(c + at, lanes)), high));
      const df = f32x4.add(f32x4.mul(inside, load(cPrev + at, lanes)), load(daf + at, lanes));
      const through = mask ? f32x4.mul(inside, load(mask + at, lanes)) : inside;
      let di = f32x4.add(f32x4.mul(through, load(g + at, lanes)), load(dai + at, lanes));
      if (set & COUPLED) di = f32x4.sub(di, df);
      store(dag + at, f32x4.add(f32x4.mul(through, load(i + at, lanes)), load(dag + at, lanes)), lanes);
      store(dai + at, di, lanes);
      store(daf + at, df, lanes);
      store(dcPrev + at, f32x4.mul(inside, load(f + at, lanes)), lanes);
    }
    if (set & INPUT) gateSlopes(args, dai, i, H); // (B2)
    else fill(dai, 0, H);
    if (set & FORGET) gateSlopes(args, daf, f, H);
    else fill(daf, 0, H);
    otherSlopes(args, dag, g, H);
    finishStateRow(args, dai, dcPrev, cPrev, H);
    if (mask) mask += row;
  }
}

/** The end of (B3) for one row: flushes da of i, f and g, and adds what peepholes pass to dc- and to their own gradients. */
function finishStateRow(args: usize, dai: usize, dcPrev: usize, cPrev: usize, H: i32): void {
  const pi = address(args, CellWord.inputPeephole);
  const pf = address(args, CellWord.forgetPeephole);
  const row = bytes(H);
  for (let j = 0; j < H; j += 4) {
    const lanes = min(4, H - j);
    const at = bytes(j);
    const di = flushed(dai + at, lanes);
    const df = flushed(dai + row + at, lanes);
    flushed(dai + 2 * row + at, lanes);
    const back = peep(peep(load(dcPrev + at, lanes), pi, at, di, lanes), pf, at, df, lanes);
    store(dcPrev + at, flush(back), lanes);
  }
  const dpi = address(args, CellWord.dInputPeephole);
  const dpf = address(args, CellWord.dForgetPeephole);
  if (dpi) multiply(dpi, dai, cPrev, H, true);
  if (dpf) multiply(dpf, dai + row, cPrev, H, true);
}

export function cellOutput(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const po = address(args, CellWord.outputPeephole);
  const row = bytes(H);
  let o = address(args, CellWord.gates) + 3 * row;
  let c = address(args, CellWord.c);
  let h = address(args, CellWord.h);
  let s = address(args, CellWord.s);
  for (let n = 0; n < N; n++, o += 4 * row, c += row, h += row, s += row) {
    if (set & OUTPUT) gateRow(args, o, po, c, H); // (F2)
    else fill(o, 1, H);
    otherRow(args, h, s, H);
    multiply(h, o, h, H, false); // (F4)
  }
}

/** Where `cellOutputGrad` has f(s) and dh * o * f'(s) of up to SPAN units. */
const OUT: usize = Workspace.first;
const DS: usize = Workspace.second;

export function cellOutputGrad(args: usize): void {
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j += SPAN) outputGradSpan(args, n, j, min(SPAN, H - j), H);
  }
}

/** The gradients of n units of a row, from unit `first`. */
function outputGradSpan(args: usize, r: i32, first: i32, n: i32, H: i32): void {
  const start = bytes(r * H + first);
  const gate = bytes((4 * r + 3) * H + first);
  const o = address(args, CellWord.gates) + gate;
  const dao = address(args, CellWord.dGates) + gate;
  const c = address(args, CellWord.c) + start;
  const dc = address(args, CellWord.dc) + start;
  const dh = address(args, CellWord.dh) + start;
  const ds = address(args, CellWord.ds) + start;
  otherRow(args, OUT, address(args, CellWord.s) + start, n);
  for (let j = 0; j < n; j += 4) { // (B4)
    const lanes = min(4, n - j);
    const at = bytes(j);
    const dhNow = load(dh + at, lanes);
    store(dao + at, f32x4.add(f32x4.mul(dhNow, load(OUT + at, lanes)), load(dao + at, lanes)), lanes);
    store(DS + at, f32x4.mul(dhNow, load(o + at, lanes)), lanes);
  }
  otherSlopes(args, DS, OUT, n);
  if (gatesOf(integer(args, CellWord.gateSet)) & OUTPUT) gateSlopes(args, dao, o, n); // (B2)
  else fill(dao, 0, n);
  const po = address(args, CellWord.outputPeephole);
  for (let j = 0; j < n; j += 4) {
    const lanes = min(4, n - j);
    const at = bytes(j);
    store(ds + at, flush(f32x4.add(load(ds + at, lanes), load(DS + at, lanes))), lanes);
    const da = flushed(dao + at, lanes);
    if (po) store(dc + at, flush(peep(load(dc + at, lanes), po + bytes(first), at, da, lanes)), lanes);
  }
  const dpo = address(args, CellWord.dOutputPeephole);
  if (dpo) multiply(dpo + bytes(first), dao, c, n, true);
}
