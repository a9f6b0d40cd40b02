/**
 * Several threads, one stream of commands.
 *
 * The main thread writes each instruction as a command into a ring in shared memory and does its own share of it at once; the
 * other threads follow, each doing its share: some rows of the result, or some columns, or some elements. Where a command
 * reads what other threads may not have written yet, it says so, and each thread first waits until all others have done
 * everything before it. Row after row of the time loop needs no such wait: a thread's rows depend on its own rows only.
 *
 * A result's bits do not depend on the number of threads: no sum is ever split, only who computes which elements.
 *
 * Layout of the control block (int32 words, `control` is its address):
 *   0: number of commands written ("head")        16 * (1 + i): thread i's line: [commands done, asleep]
 *   16 * 16: the ring, RING commands of WORDS words
 */
import { lstmCell, lstmCellGrad } from './cell';
import { gemm, packB, packBT } from './products';
import { add, fill, fillRows, gatherRows, sumRows } from './rows';
import { NR } from './tiles';
import { adam } from './updates';

const RING: i32 = 1024;
const WORDS: i32 = 20;
const LINES: i32 = 16;
const SPINS: i32 = 20000;

export const CONTROL_BYTES: i32 = (16 * LINES + RING * WORDS) * 4;

// Commands. Word 0: which; word 1: whether to wait for the others first; then the arguments.
const STOP: i32 = 0;
const GEMM_ROWS: i32 = 1;
const GEMM_COLUMNS: i32 = 2;
const PACK: i32 = 3;
const CELL: i32 = 4;
const CELL_GRAD: i32 = 5;
const FILL: i32 = 6;
const ADD: i32 = 7;
const FILL_ROWS: i32 = 8;
const SUM_ROWS: i32 = 9;
const GATHER: i32 = 10;
const ADAM: i32 = 11;

// @ts-ignore: decorator
@inline
function line(control: usize, thread: i32): usize {
  return control + ((<usize>(16 * (1 + thread))) << 2);
}

// @ts-ignore: decorator
@inline
function slot(control: usize, index: i32): usize {
  return control + ((<usize>(16 * LINES + (index & (RING - 1)) * WORDS)) << 2);
}

// @ts-ignore: decorator
@inline
function word(command: usize, index: i32): i32 {
  return i32.load(command + ((<usize>index) << 2));
}

// @ts-ignore: decorator
@inline
function real(command: usize, index: i32): f32 {
  return f32.load(command + ((<usize>index) << 2));
}

/** The beginning of a thread's share of `count` things, in whole groups of `grain`. */
// @ts-ignore: decorator
@inline
function begin(count: i32, grain: i32, thread: i32, threads: i32): i32 {
  const groups = (count + grain - 1) / grain;
  return min(count, (<i32>((<i64>groups * thread) / threads)) * grain);
}

/** Waits until every other thread has done the first `count` commands. */
function waitForOthers(control: usize, thread: i32, threads: i32, count: i32): void {
  for (let other = 0; other < threads; other++) {
    if (other == thread) continue;
    while (atomic.load<i32>(line(control, other)) - count < 0) {}
  }
}

/** One thread's share of command number `index`. */
function perform(control: usize, index: i32, thread: i32, threads: i32, scratch: usize): void {
  const c = slot(control, index);
  if (word(c, 1)) waitForOthers(control, thread, threads, index);
  const kind = word(c, 0);
  if (kind == GEMM_ROWS) gemmRows(c, thread, threads, scratch);
  else if (kind == CELL) cellRows(c, thread, threads);
  else if (kind == CELL_GRAD) cellGradRows(c, thread, threads);
  else if (kind == GEMM_COLUMNS) gemmColumns(c, thread, threads, scratch);
  else if (kind == PACK) packPart(c, thread, threads);
  else elements(c, kind, thread, threads);
  atomic.store<i32>(line(control, thread), index + 1);
}

/** out, R, C, a, panels, K, accumulate */
function gemmRows(c: usize, thread: i32, threads: i32, scratch: usize): void {
  const R = word(c, 3);
  const C = word(c, 4);
  const K = word(c, 7);
  const from = begin(R, 4, thread, threads);
  const to = begin(R, 4, thread + 1, threads);
  if (from == to) return;
  const out = <usize>word(c, 2) + (((<usize>from) * C) << 2);
  const a = <usize>word(c, 5) + (((<usize>from) * K) << 2);
  gemm(out, to - from, C, a, false, <usize>word(c, 6), K, <bool>word(c, 8), scratch, 0, C);
}

/** out, R, C, a, panels, K, accumulate, transA */
function gemmColumns(c: usize, thread: i32, threads: i32, scratch: usize): void {
  const R = word(c, 3);
  const C = word(c, 4);
  const from = begin(C, NR, thread, threads);
  const to = begin(C, NR, thread + 1, threads);
  if (from == to) return;
  const a = <usize>word(c, 5);
  gemm(<usize>word(c, 2), R, C, a, <bool>word(c, 9), <usize>word(c, 6), word(c, 7), <bool>word(c, 8), scratch, from, to);
}

/** panels, b, ld, K, C, transB */
function packPart(c: usize, thread: i32, threads: i32): void {
  const C = word(c, 6);
  const from = begin(C, NR, thread, threads);
  const to = begin(C, NR, thread + 1, threads);
  if (from == to) return;
  if (word(c, 7)) packBT(<usize>word(c, 2), <usize>word(c, 3), word(c, 4), word(c, 5), C, from, to);
  else packB(<usize>word(c, 2), <usize>word(c, 3), word(c, 4), word(c, 5), C, from, to);
}

/** gates, c, h, cPrev, N, H */
function cellRows(c: usize, thread: i32, threads: i32): void {
  const H = word(c, 7);
  const from = begin(word(c, 6), 4, thread, threads);
  const rows = begin(word(c, 6), 4, thread + 1, threads) - from;
  const at = ((<usize>from) * H) << 2;
  lstmCell(<usize>word(c, 2) + 4 * at, <usize>word(c, 3) + at, <usize>word(c, 4) + at, <usize>word(c, 5) + at, rows, H);
}

/** da, dc, dh, dcPrev, gates, c, cPrev, N, H */
function cellGradRows(c: usize, thread: i32, threads: i32): void {
  const H = word(c, 10);
  const from = begin(word(c, 9), 4, thread, threads);
  const rows = begin(word(c, 9), 4, thread + 1, threads) - from;
  const at = ((<usize>from) * H) << 2;
  lstmCellGrad(
    <usize>word(c, 2) + 4 * at, <usize>word(c, 3) + at, <usize>word(c, 4) + at, <usize>word(c, 5) + at,
    <usize>word(c, 6) + 4 * at, <usize>word(c, 7) + at, <usize>word(c, 8) + at, rows, H,
  );
}

/** What is split by elements (in whole cache lines), by rows or, where it sums over rows, by columns. */
function elements(c: usize, kind: i32, thread: i32, threads: i32): void {
  const p = <usize>word(c, 2);
  const n = word(c, 3); // elements, rows, or columns for SUM_ROWS
  const from = begin(n, 16, thread, threads);
  const count = begin(n, 16, thread + 1, threads) - from;
  if (count == 0) return;
  const at = (<usize>from) << 2;
  if (kind == FILL) fill(p + at, real(c, 4), count);
  else if (kind == ADD) add(p + at, <usize>word(c, 4) + at, <usize>word(c, 5) + at, count);
  else if (kind == FILL_ROWS) fillRows(p + at * word(c, 5), <usize>word(c, 4), count, word(c, 5));
  else if (kind == SUM_ROWS) sumRows(p + at, <usize>word(c, 4) + at, word(c, 5), count, n);
  else if (kind == GATHER) gatherRows(p + at * word(c, 6), <usize>word(c, 4), <usize>word(c, 5) + at, count, word(c, 6));
  else if (kind == ADAM) {
    const w = p + at;
    const g = <usize>word(c, 4) + at;
    const m = <usize>word(c, 5) + at;
    const v = <usize>word(c, 6) + at;
    adam(
      w, g, m, v, count, real(c, 7), real(c, 8), real(c, 9), real(c, 10), real(c, 11), real(c, 12), real(c, 13),
      real(c, 14), real(c, 15),
    );
  }
}

/** The main thread: command number `index` stands in the ring; wakes who sleeps, and does its own share. */
export function submit(control: usize, index: i32, threads: i32, scratch: usize): void {
  atomic.store<i32>(control, index + 1);
  for (let t = 1; t < threads; t++) {
    const asleep = line(control, t) + 4;
    if (atomic.load<i32>(asleep)) atomic.notify(control, -1);
  }
  perform(control, index, 0, threads, scratch);
}

/** The main thread: until all others have done `count` commands (or, in a ring that is full, enough of them). */
export function wait(control: usize, threads: i32, count: i32): void {
  waitForOthers(control, 0, threads, count);
}

/** Another thread: follows until it is told to stop. Spins for a while, since the next command is mostly near; then sleeps. */
export function follow(control: usize, thread: i32, threads: i32, scratch: usize): void {
  const asleep = line(control, thread) + 4;
  let index = atomic.load<i32>(line(control, thread));
  for (;;) {
    let spins = 0;
    while (atomic.load<i32>(control) == index) {
      if (++spins < SPINS) continue;
      atomic.store<i32>(asleep, 1);
      atomic.wait<i32>(control, index, -1);
      atomic.store<i32>(asleep, 0);
      spins = 0;
    }
    if (word(slot(control, index), 0) == STOP) return;
    perform(control, index, thread, threads, scratch);
    index++;
  }
}

export { slot as slotAddress };
