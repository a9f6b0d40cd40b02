/**
 * Storage plans: what to keep of a sequence when its whole tape is too large. A backward pass needs the tape entry of each step,
 * last step first; a missing entry is recomputed from the nearest earlier state. A plan is a list of orders:
 *
 *   Advance   runs step t forward and keeps only its last state
 *   Save      keeps the current state, the one before step t
 *   Restore   returns to the kept state before step t
 *   Tape      runs step t forward and keeps its entry
 *   Backward  goes back through step t, whose entry is kept
 *   Free      drops the kept state before step t, or the entry of step t
 *
 * Memory is counted in states (h and c: 2n numbers); a tape entry (i f g o c h: 6n) counts 3. Forward steps include the T steps of
 * the first pass.
 */
import { isObject, requireInteger, requireKeys, shown } from '../../checks.js';
import { invalidData, invalidSetting } from '../../errors.js';

/** One order of a storage plan. */
export type PlanOrder =
  | { readonly kind: 'Advance'; readonly t: number }
  | { readonly kind: 'Save'; readonly t: number }
  | { readonly kind: 'Restore'; readonly t: number }
  | { readonly kind: 'Tape'; readonly t: number }
  | { readonly kind: 'Backward'; readonly t: number }
  | { readonly kind: 'Free'; readonly t: number; readonly what: 'state' | 'entry' };

/** What to keep, recompute and free, order by order, for a sequence of `steps` steps. */
export interface StoragePlan {
  readonly name: string;
  readonly steps: number;
  readonly orders: readonly PlanOrder[];
}

/** The cost of a storage plan. */
export interface PlanCost {
  /** Forward steps, including those of the first pass. */
  readonly forwards: number;
  /** Peak memory, in states. */
  readonly peak: number;
}

/** Counts the cost of a plan; a tape entry counts `entryCost` states. Throws `INVALID_DATA` for an inconsistent plan. */
export function planCost(plan: StoragePlan, entryCost = 3): PlanCost {
  requireKeys('plan', plan, ['name', 'steps', 'orders']);
  const { steps, orders } = plan;
  requireInteger('plan.steps', steps, 1, 1 << 24);
  requireInteger('entryCost', entryCost, 1, 1 << 10);
  if (!Array.isArray(orders)) throw invalidSetting('plan.orders', `must be a list, got ${shown(orders)}.`);
  const wrong = (at: number, problem: string): never => {
    throw invalidData(`order ${at} of the plan`, problem);
  };
  for (const [at, order] of orders.entries()) requireOrder(order, at, wrong);
  const [states, entries] = [new Set<number>(), new Set<number>()];
  let [now, next, forwards, peak] = [0, steps - 1, 0, 0];
  orders.forEach(({ kind, t, ...rest }, at) => {
    if ((kind === 'Advance' || kind === 'Tape' || kind === 'Save') && t !== now) {
      wrong(at, `${kind} ${t}, but the current state is the one before step ${now}.`);
    }
    if (kind === 'Advance' || kind === 'Tape') {
      forwards++;
      now++;
    }
    if (kind === 'Tape') entries.add(t);
    if (kind === 'Save') states.add(t);
    if (kind === 'Restore') {
      // The entry of a step holds the state that it ended with.
      if (!states.has(t) && !entries.has(t - 1) && t !== 0) wrong(at, `the state before step ${t} is missing.`);
      now = t;
    }
    if (kind === 'Backward') {
      if (t !== next) wrong(at, `goes back through step ${t}, but step ${next} is next.`);
      if (!entries.has(t)) wrong(at, `the entry of step ${t} is missing.`);
      next--;
    }
    if (kind === 'Free') (('what' in rest && rest.what) === 'state' ? states : entries).delete(t);
    peak = Math.max(peak, states.size + entryCost * entries.size);
  });
  if (next >= 0) wrong(orders.length, `the plan ends before Backward ${next}.`);
  return { forwards, peak };
}

const KINDS = ['Advance', 'Save', 'Restore', 'Tape', 'Backward', 'Free'];

function requireOrder(order: unknown, at: number, wrong: (at: number, problem: string) => never): void {
  const { kind, t, what } = isObject(order) ? order : { kind: null, t: null, what: null };
  if (
    !KINDS.includes(kind as string) ||
    !Number.isSafeInteger(t) ||
    (kind === 'Free' && what !== 'state' && what !== 'entry')
  ) {
    wrong(at, `must have a kind (${KINDS.join(', ')}), a step t and, to free something, what; got ${shown(order)}.`);
  }
}

/** The plan that keeps every entry: plain BPTT. */
export function keepAll(steps: number): StoragePlan {
  requireInteger('steps', steps, 1, 1 << 24);
  const all = Array.from({ length: steps }, (_, t) => t);
  const orders: PlanOrder[] = all.map((t) => ({ kind: 'Tape', t }));
  for (const t of all.reverse()) orders.push({ kind: 'Backward', t }, { kind: 'Free', t, what: 'entry' });
  return { name: 'all', steps, orders };
}

/** The length of segments that needs the least memory: their states and the entries of one. */
export const squareRoot = (steps: number): number => Math.max(1, Math.round(Math.sqrt(steps / 3)));

/** The plan of Chen et al. 2016: keeps a state every `segment` steps and tapes one segment at a time. The default minimizes the memory. */
export function everySegment(steps: number, segment?: number): StoragePlan {
  requireInteger('steps', steps, 1, 1 << 24);
  const length = segment ?? squareRoot(steps);
  requireInteger('segment', length, 1, steps);
  const orders: PlanOrder[] = [];
  // A shorter segment comes first, because only the last one is not run twice.
  const count = Math.ceil(steps / length);
  const starts = Array.from({ length: count }, (_, i) => Math.max(0, steps - (count - i) * length));
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
  return { name: `segments of ${length}`, steps, orders };
}
