/**
 * Commands: instructions that several threads can share.
 *
 * The main thread writes each instruction as a command into a ring in shared memory and performs its own share of it. The other
 * threads follow, each performing its share: some rows of the result, some columns, or some elements. If a command reads what
 * other threads may not have written yet, its `barrier` word is 1, and each thread waits until all others have finished every
 * command before it. The rows of the time loop need no barrier, because a thread's rows depend only on its own rows.
 *
 * A result has the same bits for any number of threads: no sum is ever split, only the elements that each thread computes.
 *
 * The control block, in cache lines of 16 words:
 *   line 0: the number of commands written       line 1 + t: the state of thread t (ThreadWord)
 *   then the ring: RING_SIZE commands (CommandWord)
 */
import { MAX_THREADS } from '../../../contract/constants';
import { Command, CommandWord, RING_SIZE, ThreadWord } from '../layout';
import { lstmCell, lstmCellGrad } from './cell';
import { add, fill } from './elements';
import { gemm, packB, packBT } from './products';
import { fillRows, sumRows } from './rows';
import { NR } from './tiles';
import { adam } from './updates';
import { address, integer, real } from './words';

// @ts-ignore: decorator
@external('env', 'host')
declare function host(c: usize, thread: i32, threads: i32): void;

const LINE_WORDS: i32 = 16;
const RING: i32 = LINE_WORDS * (1 + MAX_THREADS);
const SPINS: i32 = 20000;

export const CONTROL_BYTES: i32 = (RING + RING_SIZE * CommandWord.count) << 2;

/** The address of a thread's line. */
export function threadLine(control: usize, thread: i32): usize {
  return control + ((<usize>(LINE_WORDS * (1 + thread))) << 2);
}

/** The address of command number `index` in the ring. */
export function commandSlot(control: usize, index: i32): usize {
  return control + ((<usize>(RING + (index & (RING_SIZE - 1)) * CommandWord.count)) << 2);
}

// @ts-ignore: decorator
@inline
function int(command: usize, argument: i32): i32 {
  return integer(command, CommandWord.integers + argument);
}

// @ts-ignore: decorator
@inline
function pointer(command: usize, argument: i32): usize {
  return address(command, CommandWord.integers + argument);
}

// @ts-ignore: decorator
@inline
function float(command: usize, argument: i32): f32 {
  return real(command, CommandWord.reals + argument);
}

/** The start of a thread's share of `count` things, in whole groups of `grain`. */
function begin(count: i32, grain: i32, thread: i32, threads: i32): i32 {
  if (thread == 0) return 0;
  if (thread == threads) return count; // with a single thread there is nothing to divide
  const groups = (count + grain - 1) / grain;
  return min(count, (<i32>((<i64>groups * thread) / threads)) * grain);
}

/** One thread's share of a command. A thread that works alone passes thread 0 of 1. */
export function perform(c: usize, thread: i32, threads: i32, scratch: usize): void {
  const command = integer(c, CommandWord.command);
  if (command == Command.gemmRows) gemmRows(c, thread, threads, scratch);
  else if (command == Command.cell) cellRows(c, thread, threads);
  else if (command == Command.cellGrad) cellGradRows(c, thread, threads);
  else if (command == Command.gemmColumns) gemmColumns(c, thread, threads, scratch);
  else if (command == Command.pack) packPart(c, thread, threads);
  else if (command == Command.host) host(c, thread, threads);
  else if (command != Command.stop) elements(c, command, thread, threads);
}

/** out, R, C, a, panels, K, accumulate, transA (which is 0: rows of A' are not contiguous) */
function gemmRows(c: usize, thread: i32, threads: i32, scratch: usize): void {
  const R = int(c, 1);
  const C = int(c, 2);
  const K = int(c, 5);
  const from = begin(R, 4, thread, threads);
  const to = begin(R, 4, thread + 1, threads);
  if (from == to) return;
  const out = pointer(c, 0) + (((<usize>from) * C) << 2);
  const a = pointer(c, 3) + (((<usize>from) * K) << 2);
  gemm(out, to - from, C, a, false, pointer(c, 4), K, <bool>int(c, 6), scratch, 0, C);
}

/** out, R, C, a, panels, K, accumulate, transA */
function gemmColumns(c: usize, thread: i32, threads: i32, scratch: usize): void {
  const C = int(c, 2);
  const from = begin(C, NR, thread, threads);
  const to = begin(C, NR, thread + 1, threads);
  if (from == to) return;
  gemm(
    pointer(c, 0), int(c, 1), C, pointer(c, 3), <bool>int(c, 7), pointer(c, 4), int(c, 5), <bool>int(c, 6), scratch, from, to,
  );
}

/** panels, b, ld, K, C, transB */
function packPart(c: usize, thread: i32, threads: i32): void {
  const C = int(c, 4);
  const from = begin(C, NR, thread, threads);
  const to = begin(C, NR, thread + 1, threads);
  if (from == to) return;
  if (int(c, 5)) packBT(pointer(c, 0), pointer(c, 1), int(c, 2), int(c, 3), C, from, to);
  else packB(pointer(c, 0), pointer(c, 1), int(c, 2), int(c, 3), C, from, to);
}

/** gates, c, h, cPrev, N, H */
function cellRows(c: usize, thread: i32, threads: i32): void {
  const H = int(c, 5);
  const from = begin(int(c, 4), 4, thread, threads);
  const rows = begin(int(c, 4), 4, thread + 1, threads) - from;
  const at = ((<usize>from) * H) << 2;
  lstmCell(pointer(c, 0) + 4 * at, pointer(c, 1) + at, pointer(c, 2) + at, pointer(c, 3) + at, rows, H);
}

/** da, dc, dh, dcPrev, gates, c, cPrev, N, H */
function cellGradRows(c: usize, thread: i32, threads: i32): void {
  const H = int(c, 8);
  const from = begin(int(c, 7), 4, thread, threads);
  const rows = begin(int(c, 7), 4, thread + 1, threads) - from;
  const at = ((<usize>from) * H) << 2;
  lstmCellGrad(
    pointer(c, 0) + 4 * at, pointer(c, 1) + at, pointer(c, 2) + at, pointer(c, 3) + at,
    pointer(c, 4) + 4 * at, pointer(c, 5) + at, pointer(c, 6) + at, rows, H,
  );
}

/** Commands that are split by elements (in whole cache lines), by rows or, to sum over rows, by columns. */
function elements(c: usize, command: i32, thread: i32, threads: i32): void {
  const n = int(c, 1); // elements, rows, or columns for sumRows
  const from = begin(n, 16, thread, threads);
  const count = begin(n, 16, thread + 1, threads) - from;
  if (count == 0) return;
  const at = (<usize>from) << 2;
  const out = pointer(c, 0) + at;
  if (command == Command.fill) fill(out, float(c, 0), count);
  else if (command == Command.add) add(out, pointer(c, 2) + at, pointer(c, 3) + at, count); // out, count, a, b
  else if (command == Command.sumRows) sumRows(out, pointer(c, 2) + at, int(c, 3), count, n); // out, C, a, R
  else if (command == Command.fillRows) fillRows(pointer(c, 0) + at * int(c, 3), pointer(c, 2), count, int(c, 3)); // out, R, row, C
  else if (command == Command.adam) { // w, count, g, m, v and the rule's numbers
    adam(
      out, pointer(c, 2) + at, pointer(c, 3) + at, pointer(c, 4) + at, count, float(c, 0), float(c, 1), float(c, 2),
      float(c, 3), float(c, 4), float(c, 5), float(c, 6), float(c, 7), float(c, 8),
    );
  } else unreachable();
}

/** Waits until every other thread has finished the first `count` commands. */
function waitForOthers(control: usize, thread: i32, threads: i32, count: i32): void {
  for (let other = 0; other < threads; other++) {
    if (other == thread) continue;
    while (atomic.load<i32>(threadLine(control, other) + (ThreadWord.done << 2)) - count < 0) {}
  }
}

/** Performs one thread's share of command number `index`, after a barrier if it requires one. */
function advance(control: usize, index: i32, thread: i32, threads: i32, scratch: usize): void {
  const c = commandSlot(control, index);
  if (integer(c, CommandWord.barrier)) waitForOthers(control, thread, threads, index);
  perform(c, thread, threads, scratch);
  atomic.store<i32>(threadLine(control, thread) + (ThreadWord.done << 2), index + 1);
}

/** The main thread: publishes command number `index`, wakes sleeping threads, and performs its own share. */
export function submit(control: usize, index: i32, threads: i32, scratch: usize): void {
  atomic.store<i32>(control, index + 1);
  for (let t = 1; t < threads; t++) {
    if (atomic.load<i32>(threadLine(control, t) + (ThreadWord.asleep << 2))) atomic.notify(control, -1);
  }
  advance(control, index, 0, threads, scratch);
}

/** The main thread: waits until all others have finished the first `count` commands. */
export function wait(control: usize, threads: i32, count: i32): void {
  waitForOthers(control, 0, threads, count);
}

/**
 * Another thread: performs its share of each command until `stop`. It spins for a while, because the next command usually
 * comes soon, and then sleeps.
 */
export function follow(control: usize, thread: i32, threads: i32, scratch: usize): void {
  const asleep = threadLine(control, thread) + (ThreadWord.asleep << 2);
  let index = atomic.load<i32>(threadLine(control, thread) + (ThreadWord.done << 2));
  for (;;) {
    let spins = 0;
    while (atomic.load<i32>(control) == index) {
      if (++spins < SPINS) continue;
      atomic.store<i32>(asleep, 1);
      atomic.wait<i32>(control, index, -1);
      atomic.store<i32>(asleep, 0);
      spins = 0;
    }
    if (integer(commandSlot(control, index), CommandWord.command) == Command.stop) return;
    advance(control, index, thread, threads, scratch);
    index++;
  }
}
