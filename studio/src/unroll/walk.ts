/** Positions in the walk through a sequence: all time steps forward, then all time steps backward. */
import { BACKWARD, FORWARD, isBackward, type StageId } from './stages.js';

export interface WalkPosition {
  readonly t: number;
  readonly id: StageId;
}

/** Stages of a time step in one direction. */
const STAGES_PER_STEP = FORWARD.length;

export const walkLength = (steps: number): number => 2 * STAGES_PER_STEP * steps;

/** `reverse`: the layer reads the sequence from its end. */
export function positionAt(index: number, steps: number, reverse: boolean): WalkPosition {
  const forward = index < STAGES_PER_STEP * steps;
  const within = forward ? index : index - STAGES_PER_STEP * steps;
  const nth = Math.floor(within / STAGES_PER_STEP);
  const id = (forward ? FORWARD : BACKWARD)[within % STAGES_PER_STEP]!;
  return { t: forward === reverse ? steps - 1 - nth : nth, id };
}

export function indexOf({ t, id }: WalkPosition, steps: number, reverse: boolean): number {
  const forward = !isBackward(id);
  const nth = forward === reverse ? steps - 1 - t : t;
  const order = forward ? FORWARD.indexOf(id as 'F1') : BACKWARD.indexOf(id as "L'");
  return (forward ? 0 : STAGES_PER_STEP * steps) + STAGES_PER_STEP * nth + order;
}
