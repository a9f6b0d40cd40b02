/** Buffers of all steps, cut into the blocks of each. */
import type { Kernels, LstmStep, Matrix } from '../../contract/kernels.js';
import type { PassShape } from '../layers/layer.js';

/** h and c: T+1 blocks of N rows, the state before the first step among them. */
export interface StateBlocks {
  readonly h: Matrix; // ((T+1)*N, R)
  readonly c: Matrix; // ((T+1)*N, H)
}

/** Handles of one state, or of the gradient by it. */
export interface LstmState {
  readonly h: Matrix; // (N, R)
  readonly c: Matrix; // (N, H)
}

/** Block `index` of `m`: N rows. */
export function block(k: Kernels, m: Matrix, index: number, rows: number): Matrix {
  return k.view(m, index * rows * m.cols, rows, m.cols);
}

/** All blocks of N rows. */
export const blocks = (k: Kernels, m: Matrix, rows: number): Matrix[] =>
  Array.from({ length: m.rows / rows }, (_, t) => block(k, m, t, rows));

/** One step's gates, and the states after and before it. */
export interface StepBlocks {
  readonly y: LstmStep;
  readonly before: LstmState;
}

/**
 * By time. Forwards, block t of the states is what step t starts from and block t+1 what it leaves; in reverse, step t
 * starts from block t+1 and leaves block t. Either way h of the steps 0..T-1 lies in T blocks that follow each other, and
 * so do the h- of all steps.
 */
export function cutSteps(
  k: Kernels,
  { steps: T, batchSize: N }: PassShape,
  gates: Matrix,
  state: StateBlocks,
  reverse: boolean,
): StepBlocks[] {
  const at = (index: number): LstmState => ({ h: block(k, state.h, index, N), c: block(k, state.c, index, N) });
  const states = Array.from({ length: T + 1 }, (_, index) => at(index));
  return Array.from({ length: T }, (_, t) => {
    const [after, before] = reverse ? [states[t]!, states[t + 1]!] : [states[t + 1]!, states[t]!];
    return { y: { gates: block(k, gates, t, N), c: after.c, h: after.h }, before };
  });
}

/** T of the T+1 blocks: what the steps leave, or what they start from. */
export function wholeSequence(
  k: Kernels,
  { steps: T, batchSize: N }: PassShape,
  m: Matrix,
  which: 'after' | 'before',
  reverse: boolean,
): Matrix {
  const first = (which === 'after') === reverse ? 0 : 1;
  return k.view(m, first * N * m.cols, T * N, m.cols);
}
