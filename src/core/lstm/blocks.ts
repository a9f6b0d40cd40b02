/** The buffers of an LSTM's state and gates, cut into time steps. */
import type { Kernels, LstmStep, Matrix } from '../../contract/kernels.js';
import { block, type PassShape } from '../pass.js';
import type { LstmWeights } from './parameters.js';

/** h and c as T+1 blocks of N rows, the initial state included. */
export interface StateBlocks {
  readonly h: Matrix; // ((T+1)*N, R)
  readonly c: Matrix; // ((T+1)*N, H)
}

/** Handles of one state, or of its gradient. */
export interface LstmState {
  readonly h: Matrix; // (N, R)
  readonly c: Matrix; // (N, H)
}

/** The gates of one step, and the states after and before it. */
export interface StepBlocks {
  readonly y: LstmStep;
  readonly before: LstmState;
}

/**
 * The steps by time. Forward, step t reads block t of the states and writes block t+1; in reverse, it reads block t+1 and
 * writes block t. Either way the h of steps 0..T-1 fill T consecutive blocks, and so do the h- of all steps.
 */
export function cutSteps(
  k: Kernels,
  { steps: T, batchSize: N }: PassShape,
  gates: Matrix,
  state: StateBlocks,
  reverse: boolean,
): StepBlocks[] {
  const at = (index: number): LstmState => ({ h: block(k, state.h, index, N), c: block(k, state.c, index, N) });
  const steps: StepBlocks[] = [];
  let earlier = at(0);
  for (let t = 0; t < T; t++) {
    const later = at(t + 1);
    const [after, before] = reverse ? [earlier, later] : [later, earlier];
    steps.push({ y: { gates: block(k, gates, t, N), c: after.c, h: after.h }, before });
    earlier = later;
  }
  return steps;
}

/** T of the T+1 blocks of `m`: the states after each step, or those before it. */
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

/** (F1) a = b, the sum of the biases. Returns false, and leaves a as it is, where the layer has none. */
export function startWithBias(k: Kernels, a: Matrix, [bIh, bHh]: LstmWeights['biases'], sum: Matrix): boolean {
  if (bIh && bHh) k.add(sum, bIh, bHh);
  if (bIh) k.fillRows(a, bHh ? sum : bIh);
  return bIh !== undefined;
}

/** (B1) db += sum_n da, to each of the biases. `sum` is scratch. */
export function addBiasGrad(k: Kernels, biases: LstmWeights['biases'], da: Matrix, sum: Matrix): void {
  if (biases.length === 0) return;
  k.fill(sum, 0);
  k.sumRows(sum, da);
  for (const db of biases) k.add(db, db, sum);
}
