/**
 * The memory layout that TypeScript, the worker threads and the WebAssembly module share, in words of 4 bytes.
 *
 * Both tsc and the AssemblyScript compiler compile this file, so it contains only integer constants.
 */

/** Maximum size of the memory in pages of 64 KiB: 4 GiB, the limit of 32-bit addresses. */
export const MAX_PAGES = 65536;

/** Instructions that threads can share; assembly/threads.ts documents the arguments of each. */
export enum Command {
  stop,
  gemmRows,
  gemmColumns,
  pack,
  cell,
  cellGrad,
  fill,
  add,
  fillRows,
  sumRows,
  adam,
  /** What a backend over this one adds; the host performs it (host.ts). */
  host,
}

/** A command in memory. `integers` and `reals` are where its arguments start. */
export enum CommandWord {
  command = 0,
  /** 1: all threads finish the commands before this one first. */
  barrier = 1,
  integers = 2,
  reals = 11,
  count = 20,
}

/** Commands in the ring of the control block: a power of two. */
export const RING_SIZE = 1024;

/** A thread's line in the control block. */
export enum ThreadWord {
  /** Commands that the thread has finished. */
  done,
  /** 1: the thread sleeps until the main thread notifies it. */
  asleep,
  /** 1: the thread has compiled the module. */
  ready,
  /** 1: the main thread counts on this thread, so it may start. */
  admitted,
}

/** The arguments of a cell half in memory. Matrices are addresses; 0 means none. */
export enum CellWord {
  // Doubles, of two words each.
  gateAlpha = 0,
  gateBeta = 2,
  otherAlpha = 4,
  otherBeta = 6,
  rows = 8,
  units,
  gates,
  c,
  h,
  s,
  cPrev,
  dGates,
  dc,
  dh,
  ds,
  dcPrev,
  gateSet,
  gateKind,
  /** The activation of the candidate in the first half, of the output in the second. */
  otherKind,
  clip,
  inputPeephole,
  forgetPeephole,
  outputPeephole,
  dInputPeephole,
  dForgetPeephole,
  dOutputPeephole,
  mask,
  count,
}
