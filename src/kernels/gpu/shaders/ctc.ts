/**
 * Connectionist temporal classification (L8), (L8'). The backward pass over a sequence is the forward pass over the
 * reversed sequence, so one program serves both: the rows of the lattice are the N sequences, and then the same N
 * reversed.
 *
 * The lattice has the sums without the time step's own y, as logarithms, less an offset that keeps them small: in 32
 * bits a logarithm near 0 has more digits than one near -300. At each time step half of a row's largest value is
 * subtracted, two time steps late, because the thread after a row's last position has to find it first. Subtracting
 * only half avoids oscillation.
 */

import { at } from './indexing.js';
import { type Program, program } from './program.js';

/** The logarithm of 0, since a shader has no infinity. In 32 bits, adding to it does not change it. */
export const NEVER = -1e30;
const never = '-1.0e30';

/** The arrays of the logits, and of the largest logit and log sum_k e^(z[k] - max) of each row. */
const logits = ['z', 's'] as const;

/**
 * (L8) The lattice's rows of the time step after `before`, computed from those of that step, p: the paths up to each
 * position, and the offset. l: for each position its class, or -1 if unused, and 1 if it can be reached from two
 * positions before. r: for each row the row of its first logits, the distance to the next, and its last time step,
 * counted from 0.
 */
export function latticeStep(rows: number, U: number, C: number, before: number): Program {
  const from = (back: number): string =>
    `${at('p', `begin + x - ${back}`)} + (${at('z', `row * C + ${at('l', `place - ${2 * back}`)}`)} - max)`;
  const body = `
if (before >= ${at('r', 'y * 3 + 2')}) { return 0.0; }
const begin = y * (U + 1);
if (x >= U) {
  let largest = ${never};
  for (let u = 0; u < U; u++) { largest = Math.max(largest, ${at('p', 'begin + u')}); }
  return largest;
}
const place = (y * U + x) * 2;
if (${at('l', 'place')} < 0.0) { return ${never}; }
const row = ${at('r', 'y * 3')} + before * ${at('r', 'y * 3 + 1')};
const max = ${at('s', 'row * 2')};
const a = ${from(0)};
let b = ${never};
let c = ${never};
if (x > 0) { b = ${from(1)}; }
if (${at('l', 'place + 1')} > 0.5) { c = ${from(2)}; }
const most = Math.max(a, Math.max(b, c));
const sum = Math.exp(a - most) + Math.exp(b - most) + Math.exp(c - most);
return most - 0.5 * ${at('p', 'begin + U')} + (Math.log(sum) - ${at('s', 'row * 2 + 1')});`;
  return program([U + 1, rows], ['p', 'l', 'r', ...logits], body, { sizes: { U, C, before } });
}

/** What belongs to a row of the logits: `share`, `n`, `ahead` and `behind` from its four numbers in f. */
const places = (row: string): string => `
const share = ${at('f', `${row} * 4 + 3`)};
if (share == 0.0) { return 0.0; }
const n = ${at('f', `${row} * 4`)};
const ahead = ${at('f', `${row} * 4 + 1`)};
const behind = ${at('f', `${row} * 4 + 2`)};
const max = ${at('s', `${row} * 2`)};
const log = ${at('s', `${row} * 2 + 1`)};`;

/** The logarithm of a_t(u) b_t(u), less the offsets of the lattice, for a position u of class k. */
const through = (row: string, u: string, k: string): string =>
  `${at('a', `ahead + ${u}`)} + ${at('a', `behind - ${u}`)} + (${at('z', `${row} * C + ${k}`)} - max - log)`;

/** (L8) log sum_u a_t(u) b_t(u) for each row of the logits. */
export function latticeTotals(rows: number, U: number, C: number): Program {
  const label = (u: string): string => at('l', `(n * U + ${u}) * 2`);
  const body = `${places('x')}
let most = ${never};
for (let u = 0; u < U; u++) {
  const k = ${label('u')};
  if (k >= 0.0) { most = Math.max(most, ${through('x', 'u', 'k')}); }
}
let sum = 0.0;
for (let v = 0; v < U; v++) {
  const c = ${label('v')};
  if (c >= 0.0) { sum += Math.exp(${through('x', 'v', 'c')} - most); }
}
return most + Math.log(sum);`;
  return program([rows], ['f', 'a', 'l', ...logits], body, { sizes: { U, C } });
}

/**
 * (L8) What each sequence adds to the loss: -log P, P the sum over u at its first time step. r: its last time step and
 * its weight.
 */
export function pathLoss(N: number, U: number, T: number): Program {
  const body = `
const share = ${at('r', 'x * 2 + 1')};
if (share == 0.0) { return 0.0; }
const last = ${at('r', 'x * 2')};
let off = 0.0;
for (let t = 0; t < T; t++) {
  if (t < last) { off += ${at('a', '(t * 2 * N + N + x) * (U + 1) + U')}; }
}
return -share * (${at('m', 'x')} + 0.5 * off);`;
  return program([N], ['a', 'm', 'r'], body, { sizes: { N, U, T } });
}

/**
 * (L8') The gradient by the logits: y less the share of the paths through the class. o: where the positions of each
 * class of each sequence begin in it, and then the positions. m: the logarithms of the sums over all paths.
 */
export function pathGrad(rows: number, C: number): Program {
  const body = `${places('y')}
const total = ${at('m', 'y')};
const list = n * (C + 1) + x;
const end = ${at('o', 'list + 1')};
let sum = 0.0;
for (let e = ${at('o', 'list')}; e < end; e += 1) {
  const u = ${at('o', 'e')};
  sum += Math.exp(${through('y', 'u', 'x')} - total);
}
return share * (Math.exp(${at('z', 'y * C + x')} - max - log) - sum);`;
  return program([C, rows], ['f', 'a', 'o', 'm', ...logits], body, { sizes: { C } });
}
