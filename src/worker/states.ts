/** Where passes and streams in a worker start. */
import { isObject } from '../checks.js';
import { type FinalState, type GivenState, isFinal, withoutViews } from '../core/start-state.js';
import { invalidSetting } from '../errors.js';
import type { PassStart } from './protocol.js';

/** What remains of a tape in a worker: the states that the pass ended with. Pass it as `from` to the next pass to continue. */
export interface WorkerTape {
  readonly states: readonly FinalState[];
  /** Does nothing. It exists for programs that free the tapes of both kinds of model. */
  free(): void;
}

/** Where a pass starts: at the end of another pass, at given states (as `StartState`), or at the initial states (null). */
export type WorkerStart = WorkerTape | GivenState | readonly (GivenState | null)[] | null;

export const tapeOf = (states: readonly FinalState[]): WorkerTape => ({ states, free() {} });

export function startOf(from: WorkerStart | undefined): PassStart | null {
  if (from === undefined || from === null) return null;
  const states = typeof from === 'object' && 'states' in from ? from.states : from;
  return { isFinal: isFinal(states), states: withoutViews(states) };
}

/** The options of a pass as they are sent. The worker's model checks them. Throws `INVALID_SETTING` for a tape to overwrite. */
export function sentOptions<T extends { readonly from?: WorkerStart; readonly tape?: unknown }>(options: T) {
  if (!isObject(options)) return options;
  const { from, tape } = options as T;
  if (typeof tape === 'object') {
    const help = 'A tape stays on its thread. Pass true to get one with the final states.';
    throw invalidSetting('options.tape', 'cannot be sent to a worker.', help);
  }
  return { ...options, ...(from !== undefined && { from: startOf(from) }) };
}
