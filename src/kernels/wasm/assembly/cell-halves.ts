/**
 * The LSTM cell in its other variants, cut in two at c (equations: kernels/reference/cell-halves.ts). Each function takes the
 * address of its arguments in memory (CellWord in ../layout); a peephole or a mask that is absent has the address 0.
 */
import { CellWord } from '../layout';
import { activate, gatesOf, slopeAt } from './contract';
import { COUPLED, FORGET, INPUT, OUTPUT } from './gates';
import { loadSome as load, storeSome as store } from './lanes';
import { flush } from './math';
import { address, double, integer, real } from './words';

/** x + p * c, or x without a peephole. */
// @ts-ignore: decorator
@inline
function peep(x: v128, p: usize, at: usize, c: v128, lanes: i32): v128 {
  return p ? f32x4.add(x, f32x4.mul(load(p + at, lanes), c)) : x;
}

/** sum += a * c, unless sum is 0. */
// @ts-ignore: decorator
@inline
function gather(sum: usize, at: usize, a: v128, c: v128, lanes: i32): void {
  if (sum) store(sum + at, f32x4.add(load(sum + at, lanes), f32x4.mul(a, c)), lanes);
}

export function cellState(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const gk = integer(args, CellWord.gateKind);
  const ga = double(args, CellWord.gateAlpha);
  const gb = double(args, CellWord.gateBeta);
  const ck = integer(args, CellWord.otherKind);
  const ca = double(args, CellWord.otherAlpha);
  const cb = double(args, CellWord.otherBeta);
  const clip = real(args, CellWord.clip);
  const pi = address(args, CellWord.inputPeephole);
  const pf = address(args, CellWord.forgetPeephole);
  let gates = address(args, CellWord.gates);
  let c = address(args, CellWord.c);
  let cPrev = address(args, CellWord.cPrev);
  let mask = address(args, CellWord.mask);
  const row = (<usize>H) << 2;
  const one = f32x4.splat(1);
  const high = f32x4.splat(clip);
  const low = f32x4.splat(-clip);
  for (let n = 0; n < N; n++, gates += 4 * row, c += row, cPrev += row) {
    for (let j = 0; j < H; j += 4) {
      const lanes = H - j < 4 ? H - j : 4;
      const at = (<usize>j) << 2;
      const before = load(cPrev + at, lanes);
      let i = one; // (F2)
      let f = one;
      if (set & INPUT) i = activate(gk, ga, gb, peep(load(gates + at, lanes), pi, at, before, lanes));
      if (set & COUPLED) f = f32x4.sub(one, i);
      else if (set & FORGET) f = activate(gk, ga, gb, peep(load(gates + row + at, lanes), pf, at, before, lanes));
      const g = activate(ck, ca, cb, load(gates + 2 * row + at, lanes));
      store(gates + at, i, lanes);
      store(gates + row + at, f, lanes);
      store(gates + 2 * row + at, g, lanes);
      const kept = mask ? f32x4.mul(g, load(mask + at, lanes)) : g;
      const now = f32x4.add(f32x4.mul(f, before), f32x4.mul(i, kept)); // (F3)
      store(c + at, f32x4.min(high, f32x4.max(low, now)), lanes);
    }
    if (mask) mask += row;
  }
}

export function cellStateGrad(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const gk = integer(args, CellWord.gateKind);
  const ga = double(args, CellWord.gateAlpha);
  const gb = double(args, CellWord.gateBeta);
  const ck = integer(args, CellWord.otherKind);
  const ca = double(args, CellWord.otherAlpha);
  const cb = double(args, CellWord.otherBeta);
  const clip = real(args, CellWord.clip);
  const pi = address(args, CellWord.inputPeephole);
  const pf = address(args, CellWord.forgetPeephole);
  const dpi = address(args, CellWord.dInputPeephole);
  const dpf = address(args, CellWord.dForgetPeephole);
  let gates = address(args, CellWord.gates);
  let c = address(args, CellWord.c);
  let cPrev = address(args, CellWord.cPrev);
  let da = address(args, CellWord.dGates);
  let dc = address(args, CellWord.dc);
  let dcPrev = address(args, CellWord.dcPrev);
  let mask = address(args, CellWord.mask);
  const row = (<usize>H) << 2;
  const zero = f32x4.splat(0);
  const high = f32x4.splat(clip);
  for (let n = 0; n < N; n++, da += 4 * row, dc += row, dcPrev += row, gates += 4 * row, c += row, cPrev += row) {
    for (let j = 0; j < H; j += 4) {
      const lanes = H - j < 4 ? H - j : 4;
      const at = (<usize>j) << 2;
      const i = load(gates + at, lanes);
      const f = load(gates + row + at, lanes);
      const g = load(gates + 2 * row + at, lanes);
      const before = load(cPrev + at, lanes);
      const inside = v128.and(load(dc + at, lanes), f32x4.lt(f32x4.abs(load(c + at, lanes)), high));
      const df = f32x4.add(f32x4.mul(inside, before), load(da + row + at, lanes)); // (B3)
      const through = mask ? f32x4.mul(inside, load(mask + at, lanes)) : inside;
      let di = f32x4.add(f32x4.mul(through, g), load(da + at, lanes));
      if (set & COUPLED) di = f32x4.sub(di, df);
      const dg = f32x4.add(f32x4.mul(through, i), load(da + 2 * row + at, lanes));
      let dai = zero; // (B2)
      let daf = zero;
      if (set & INPUT) dai = flush(f32x4.mul(di, slopeAt(gk, ga, gb, i)));
      if (set & FORGET) daf = flush(f32x4.mul(df, slopeAt(gk, ga, gb, f)));
      store(da + at, dai, lanes);
      store(da + row + at, daf, lanes);
      store(da + 2 * row + at, flush(f32x4.mul(dg, slopeAt(ck, ca, cb, g))), lanes);
      const back = peep(peep(f32x4.mul(inside, f), pi, at, dai, lanes), pf, at, daf, lanes);
      store(dcPrev + at, flush(back), lanes);
      gather(dpi, at, dai, before, lanes);
      gather(dpf, at, daf, before, lanes);
    }
    if (mask) mask += row;
  }
}

export function cellOutput(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const gk = integer(args, CellWord.gateKind);
  const ga = double(args, CellWord.gateAlpha);
  const gb = double(args, CellWord.gateBeta);
  const ok = integer(args, CellWord.otherKind);
  const oa = double(args, CellWord.otherAlpha);
  const ob = double(args, CellWord.otherBeta);
  const po = address(args, CellWord.outputPeephole);
  let gates = address(args, CellWord.gates);
  let c = address(args, CellWord.c);
  let h = address(args, CellWord.h);
  let s = address(args, CellWord.s);
  const row = (<usize>H) << 2;
  for (let n = 0; n < N; n++, gates += 4 * row, c += row, h += row, s += row) {
    for (let j = 0; j < H; j += 4) {
      const lanes = H - j < 4 ? H - j : 4;
      const at = (<usize>j) << 2;
      const O = gates + 3 * row + at;
      let o = f32x4.splat(1); // (F2)
      if (set & OUTPUT) o = activate(gk, ga, gb, peep(load(O, lanes), po, at, load(c + at, lanes), lanes));
      store(O, o, lanes);
      store(h + at, f32x4.mul(o, activate(ok, oa, ob, load(s + at, lanes))), lanes); // (F4)
    }
  }
}

export function cellOutputGrad(args: usize): void {
  const set = gatesOf(integer(args, CellWord.gateSet));
  const N = integer(args, CellWord.rows);
  const H = integer(args, CellWord.units);
  const gk = integer(args, CellWord.gateKind);
  const ga = double(args, CellWord.gateAlpha);
  const gb = double(args, CellWord.gateBeta);
  const ok = integer(args, CellWord.otherKind);
  const oa = double(args, CellWord.otherAlpha);
  const ob = double(args, CellWord.otherBeta);
  const po = address(args, CellWord.outputPeephole);
  const dpo = address(args, CellWord.dOutputPeephole);
  let gates = address(args, CellWord.gates);
  let c = address(args, CellWord.c);
  let s = address(args, CellWord.s);
  let da = address(args, CellWord.dGates);
  let dc = address(args, CellWord.dc);
  let dh = address(args, CellWord.dh);
  let ds = address(args, CellWord.ds);
  const row = (<usize>H) << 2;
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j += 4) {
      const lanes = H - j < 4 ? H - j : 4;
      const at = (<usize>j) << 2;
      const o = load(gates + 3 * row + at, lanes);
      const out = activate(ok, oa, ob, load(s + at, lanes));
      const dhNow = load(dh + at, lanes);
      const dO = f32x4.add(f32x4.mul(dhNow, out), load(da + 3 * row + at, lanes)); // (B4)
      const dsNow = f32x4.mul(f32x4.mul(dhNow, o), slopeAt(ok, oa, ob, out));
      store(ds + at, flush(f32x4.add(load(ds + at, lanes), dsNow)), lanes);
      let dao = f32x4.splat(0); // (B2)
      if (set & OUTPUT) dao = flush(f32x4.mul(dO, slopeAt(gk, ga, gb, o)));
      store(da + 3 * row + at, dao, lanes);
      if (po) store(dc + at, flush(peep(load(dc + at, lanes), po, at, dao, lanes)), lanes);
      gather(dpo, at, dao, load(c + at, lanes), lanes);
    }
    da += 4 * row;
    gates += 4 * row;
    dc += row;
    dh += row;
    ds += row;
    c += row;
    s += row;
  }
}
