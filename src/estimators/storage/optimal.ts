/**
 * The plan with the fewest forward steps for a budget of memory, by dynamic programming (Gruslys et al. 2016, their "mixed" policy;
 * with states alone it is Griewank and Walther's Revolve, 2000). Let C(n, m) be the fewest forward steps that it takes to go back
 * through n steps, from the state before them, with room for m states:
 *
 *   C(n, m) = the least of
 *     n                                          where m >= e n: keep all entries
 *     n (n + 1) / 2                              where one entry is all there is room for
 *     min over y of  y + C(n - y, m - 1) + C(y, m)          keep the state after y steps
 *     min over y of  y + C(n - y, m - e) + C(y - 1, m)      keep the entry of step y: it holds the state after it, and is
 *                                                           not run again
 *
 * with e the cost of an entry in states. Neither is convex in y, as room is cut into whole entries: every y is tried.
 */
import { invalidSetting, requireInteger } from '../../errors.js';
import type { PlanOrder, StoragePlan } from './plan.js';

interface Table {
  /** C(n, m), by m * (steps + 1) + n. */
  readonly cost: Float64Array;
  /** What does it: 0 keep all, 1 one entry at a time, else 2 y for a state after y steps, 2 y + 1 for the entry of step y. */
  readonly choice: Int32Array;
}

export interface BudgetOptions {
  /** Cost of an entry in states. Default 3, an LSTM's (6n to 2n). */
  readonly entryCost?: number;
  /** Whether whole entries may be kept over others' recomputation, besides states. Default true; false is Revolve. */
  readonly entries?: boolean;
}

/**
 * @param budget room, in states, beside that for the entry which is being gone back through.
 */
export function optimalPlan(steps: number, budget: number, options: BudgetOptions = {}): StoragePlan {
  const { entryCost = 3, entries = true } = options;
  requireInteger('steps', steps, 1, 1 << 20);
  requireInteger('entryCost', entryCost, 1, 1 << 10);
  requireInteger('budget', budget, 0, 1 << 24);
  const room = Math.min(budget + entryCost, entryCost * steps);
  if (room * steps ** 2 > 4e9) {
    throw invalidSetting(
      'budget',
      `times the square of the steps is ${(room * steps ** 2).toExponential(1)}, too much to plan for exactly.`,
      'Take segments, or a smaller budget.',
    );
  }
  const table = solve(steps, room, entryCost, entries);
  const orders: PlanOrder[] = [];
  write(orders, table, { steps, entryCost }, 0, steps, room);
  return { name: `${entries ? 'optimal' : 'revolve'}, room for ${budget} states`, steps, orders };
}

function solve(steps: number, room: number, e: number, entries: boolean): Table {
  const width = steps + 1;
  const cost = new Float64Array((room + 1) * width).fill(Number.POSITIVE_INFINITY);
  const choice = new Int32Array((room + 1) * width);
  for (let m = 0; m <= room; m++) {
    cost[m * width] = 0;
    if (m < e) continue;
    for (let n = 1; n <= steps; n++) {
      const at = m * width + n;
      if (m >= e * n && (entries || n === 1)) {
        cost[at] = n;
        continue;
      }
      let least = (n * (n + 1)) / 2;
      let best = 1;
      const [less, same] = [(m - 1) * width + n, m * width];
      for (let y = 1; y < n; y++) {
        const total = y + cost[less - y]! + cost[same + y]!;
        if (total < least) {
          least = total;
          best = 2 * y;
        }
      }
      const behind = (m - e) * width + n;
      for (let y = 1; entries && m >= 2 * e && y < n; y++) {
        const total = y + cost[behind - y]! + cost[same + y - 1]!;
        if (total < least) {
          least = total;
          best = 2 * y + 1;
        }
      }
      cost[at] = least;
      choice[at] = best;
    }
  }
  return { cost, choice };
}

/** The orders for steps [from, from + n) with room for m states; the current state is that before `from`. */
function write(
  orders: PlanOrder[],
  table: Table,
  sizes: { readonly steps: number; readonly entryCost: number },
  from: number,
  n: number,
  m: number,
): void {
  if (n === 0) return;
  const picked = table.choice[m * (sizes.steps + 1) + n]!;
  if (picked === 0) {
    for (let t = from; t < from + n; t++) orders.push({ kind: 'Tape', t });
    for (let t = from + n - 1; t >= from; t--) orders.push({ kind: 'Backward', t }, { kind: 'Free', t, what: 'entry' });
    return;
  }
  if (picked === 1) {
    for (let t = from + n - 1; t >= from; t--) {
      for (let s = from; s < t; s++) orders.push({ kind: 'Advance', t: s });
      orders.push({ kind: 'Tape', t }, { kind: 'Backward', t }, { kind: 'Free', t, what: 'entry' });
      if (t > from) orders.push({ kind: 'Restore', t: from });
    }
    return;
  }
  const y = picked >> 1;
  const keepsEntry = picked % 2 === 1;
  const before = from + y;
  for (let t = from; t < before - (keepsEntry ? 1 : 0); t++) orders.push({ kind: 'Advance', t });
  orders.push(keepsEntry ? { kind: 'Tape', t: before - 1 } : { kind: 'Save', t: before });
  write(orders, table, sizes, before, n - y, m - (keepsEntry ? sizes.entryCost : 1));
  if (keepsEntry) {
    orders.push({ kind: 'Backward', t: before - 1 }, { kind: 'Free', t: before - 1, what: 'entry' });
  } else orders.push({ kind: 'Free', t: before, what: 'state' });
  const left = keepsEntry ? y - 1 : y;
  if (left === 0) return;
  orders.push({ kind: 'Restore', t: from });
  write(orders, table, sizes, from, left, m);
}
