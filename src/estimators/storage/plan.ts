/**
 * What to keep of a sequence when there is no room for all of it. A backward pass needs the tape entry of each step, last step first;
 * an entry that was not kept is made again from the nearest state before it. A plan is data, a list of orders:
 *
 *   Advance   runs step t forward, keeping nothing but the state it ends with
 *   Save      keeps the current state, the one before step t
 *   Restore   goes back to the kept state before step t
 *   Tape      runs step t forward and keeps its entry
 *   Backward  goes back through step t, whose entry is the last one kept
 *   Free      drops the kept state before step t, or the entry of step t
 *
 * Costs are counted in units of a state (h and c: 2n numbers); a tape entry (i f g o c h: 6n) costs 3 of them. Forward steps are
 * counted with the T that any backward pass needs.
 */
import { invalidData, requireInteger } from '../../errors.js';

export type PlanOrder =
  | { readonly kind: 'Advance'; readonly t: number }
  | { readonly kind: 'Save'; readonly t: number }
  | { readonly kind: 'Restore'; readonly t: number }
  | { readonly kind: 'Tape'; readonly t: number }
  | { readonly kind: 'Backward'; readonly t: number }
  | { readonly kind: 'Free'; readonly t: number; readonly what: 'state' | 'entry' };

export interface StoragePlan {
  readonly name: string;
  readonly steps: number;
  readonly orders: readonly PlanOrder[];
}

export interface PlanCost {
  /** Forward steps, the T first ones included. */
  readonly forwards: number;
  /** The most that was kept at once, in states. */
  readonly peak: number;
}

/** Follows a plan and counts. Throws `INVALID_DATA` for a plan that cannot be followed. */
export function planCost({ steps, orders }: StoragePlan, entryCost = 3): PlanCost {
  const wrong = (at: number, problem: string): never => {
    throw invalidData(`order ${at} of the plan`, problem);
  };
  const [states, entries] = [new Set<number>(), new Set<number>()];
  let [now, next, forwards, peak] = [0, steps - 1, 0, 0];
  orders.forEach(({ kind, t, ...rest }, at) => {
    if ((kind === 'Advance' || kind === 'Tape' || kind === 'Save') && t !== now) {
      wrong(at, `${kind} ${t} where the current state is that before step ${now}.`);
    }
    if (kind === 'Advance' || kind === 'Tape') {
      forwards++;
      now++;
    }
    if (kind === 'Tape') entries.add(t);
    if (kind === 'Save') states.add(t);
    if (kind === 'Restore') {
      // The entry of a step holds the state that it ended with.
      if (!states.has(t) && !entries.has(t - 1) && t !== 0) wrong(at, `there is no state before step ${t}.`);
      now = t;
    }
    if (kind === 'Backward') {
      if (t !== next) wrong(at, `goes back through step ${t} where step ${next} is next.`);
      if (!entries.has(t)) wrong(at, `there is no entry of step ${t}.`);
      next--;
    }
    if (kind === 'Free') (('what' in rest && rest.what) === 'state' ? states : entries).delete(t);
    peak = Math.max(peak, states.size + entryCost * entries.size);
  });
  if (next >= 0) wrong(orders.length, `it ends before step ${next} has been gone back through.`);
  return { forwards, peak };
}

/** Keeps every entry: BPTT as it is. */
export function keepAll(steps: number): StoragePlan {
  requireInteger('steps', steps, 1, 1 << 24);
  const all = Array.from({ length: steps }, (_, t) => t);
  const orders: PlanOrder[] = all.map((t) => ({ kind: 'Tape', t }));
  for (const t of all.reverse()) orders.push({ kind: 'Backward', t }, { kind: 'Free', t, what: 'entry' });
  return { name: 'all', steps, orders };
}

/** Chen et al. 2016: a state every `segment` steps (by default as many as make the states and the entries of a segment the least in sum), each segment taped when its turn comes. */
export function everySegment(steps: number, segment = Math.round(Math.sqrt(steps / 3))): StoragePlan {
  requireInteger('steps', steps, 1, 1 << 24);
  requireInteger('segment', segment, 1, steps);
  const orders: PlanOrder[] = [];
  // The short one, where there is one, is the first: the last one alone is run no second time.
  const count = Math.ceil(steps / segment);
  const starts = Array.from({ length: count }, (_, i) => Math.max(0, steps - (count - i) * segment));
  const last = starts.at(-1)!;
  for (let t = 0; t < last; t++) {
    if (t > 0 && starts.includes(t)) orders.push({ kind: 'Save', t });
    orders.push({ kind: 'Advance', t });
  }
  for (const [i, from] of [...starts.entries()].reverse()) {
    if (from !== last) {
      orders.push({ kind: 'Restore', t: from });
      if (from > 0) orders.push({ kind: 'Free', t: from, what: 'state' });
    }
    const to = starts[i + 1] ?? steps;
    for (let t = from; t < to; t++) orders.push({ kind: 'Tape', t });
    for (let t = to - 1; t >= from; t--) orders.push({ kind: 'Backward', t }, { kind: 'Free', t, what: 'entry' });
  }
  return { name: `segments of ${segment}`, steps, orders };
}
