/** The states that a pass can start from, and their checks. */
import { isObject, requireKeys, requireValues, shown } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import type { LstmState } from './lstm/blocks.js';
import { requireCarries } from './lstm/spec.js';
import type { LstmTape, StateNumbers } from './lstm/tape.js';
import { isView, type NdArray } from './memory/views.js';

/** One LSTM's state: h of N*R numbers and c of N*H, row by row, as arrays or as views of shape [N, R] and [N, H]. */
export interface GivenState {
  readonly h: ArrayLike<number> | NdArray;
  readonly c: ArrayLike<number> | NdArray;
}

/** One LSTM's final state as copies: h of N*R numbers and c of N*H, row by row. */
export interface FinalState {
  readonly h: FloatArray;
  readonly c: FloatArray;
}

/** Lists that a pass has returned as its final states, in contrast to states that a caller has made. */
const FINAL = new WeakSet<object>();

/** Marks the states that a pass ended with. */
export function finalStates(states: readonly FinalState[]): readonly FinalState[] {
  FINAL.add(states);
  return states;
}

/** Whether a pass has returned this list. */
export const isFinal = (from: unknown): boolean => typeof from === 'object' && from !== null && FINAL.has(from);

/** A start state with copies instead of views. Anything that is not a state stays as it is. */
export function withoutViews(from: unknown): unknown {
  if (Array.isArray(from)) return from.map(withoutViews);
  if (!isObject(from) || ArrayBuffer.isView(from)) return from;
  return Object.fromEntries(Object.entries(from).map(([key, v]) => [key, isView(v) ? v.copy().data : v]));
}

function numbersOf(path: string, values: unknown, layer: LstmTape, part: 'h' | 'c'): ArrayLike<number> {
  const { rows, cols } = layer.initialState()[part];
  const view = isView(values) ? values : null;
  const numbers: unknown = view ? view.copy().data : values;
  requireValues(path, numbers);
  const shape = view ? view.shape : [numbers.length];
  if (view ? shape.join() === `${rows},${cols}` : numbers.length === rows * cols) return numbers;
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op: 'begin',
    tensor: `${part} of ${layer.name} before the first step`,
    expected: [rows, cols],
    actual: shape,
    help: 'Pass one row of units per sequence, row by row.',
  });
}

/**
 * The numbers of the state before the first step of each LSTM; null for a layer's own initial state. `from`: `{ h, c }` of
 * the only LSTM, or a list with one per LSTM. Throws `INVALID_SETTING`, `INVALID_DATA` or `SHAPE_MISMATCH`.
 */
export function startNumbers(from: unknown, lstms: readonly LstmTape[]): (StateNumbers | null)[] {
  const list = Array.isArray(from) ? (from as unknown[]) : isObject(from) ? [from] : null;
  if (!list) {
    const problem = `must be a state { h, c }, a list of states, or a tape, got ${shown(from)}.`;
    throw invalidSetting('from', problem, 'Pass the state that predict() returned.');
  }
  if (list.length !== lstms.length) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'begin',
      tensor: 'the list of states to start from',
      expected: [lstms.length],
      actual: [list.length],
      help: 'Pass {h, c} for each LSTM, bottom first; a bidirectional layer has two.',
    });
  }
  return lstms.map((layer, i) => {
    const path = list === from ? `from[${i}]` : 'from';
    const state: unknown = list[i];
    if (state === null) return null;
    requireKeys(path, state, ['h', 'c']);
    if (isFinal(from)) requireCarries(layer.name, layer.spec, layer.reverse);
    const { h, c } = state as Partial<GivenState>;
    return { h: numbersOf(`${path}.h`, h, layer, 'h'), c: numbersOf(`${path}.c`, c, layer, 'c') };
  });
}

/** Throws `INVALID_SETTING` unless `after` has a gradient of the final state, or nothing, for each LSTM. */
export function requireStateGradients(lstms: readonly LstmTape[], after: readonly LstmState[]): void {
  const fits = (layer: LstmTape, given: LstmState | null | undefined): boolean => {
    const { h, c } = layer.finalState();
    return !given || (given.h?.cols === h.cols && given.c?.cols === c.cols && given.h.rows === h.rows);
  };
  if (Array.isArray(after) && lstms.every((layer, i) => fits(layer, after[i]))) return;
  throw invalidSetting(
    'after',
    'must be a list of what initialStateGrad() of another tape returned, one for each LSTM.',
  );
}
