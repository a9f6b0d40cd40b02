/**
 * The plan with the fewest forward steps for a budget of memory, by dynamic programming (Gruslys et al. 2016, their "mixed" policy;
 * with states alone it is Griewank and Walther's Revolve, 2000). Let C(n, m) be the fewest forward steps needed to go back through
 * n steps, from the state before them, with memory for m states:
 *
 *   C(n, m) = the minimum of
 *     n                                          where m >= e n: keep all entries
 *     n (n + 1) / 2                              where memory holds one entry only
 *     min over y of  y + C(n - y, m - 1) + C(y, m)          keep the state after y steps
 *     min over y of  y + C(n - y, m - e) + C(y - 1, m)      keep the entry of step y, which holds the state after it
 *                                                           and is not run again
 *
 * with e the cost of an entry in states. Because entries are indivisible, neither is convex in y: every y is tried.
 */
import { requireInteger, requireOptional, requireOptions } from '../../checks.js';
import { invalidSetting } from '../../errors.js';
import type { PlanOrder, StoragePlan } from './plan.js';

interface Table {
  /** C(n, m), by m * (steps + 1) + n. */
  readonly cost: Float64Array;
  /** The choice: 0 keeps all, 1 keeps one entry at a time, 2 y keeps the state after y steps, 2 y + 1 the entry of step y. */
  readonly choice: Int32Array;
}

/** Options of `optimalPlan`. */
export interface BudgetOptions {
  /** Cost of an entry in states. Default 3, an LSTM's (6n to 2n). */
  readonly entryCost?: number;
  /** Whether entries may be kept during recomputation, in addition to states. Default true; false is Revolve. */
  readonly entries?: boolean;
}

/** The memory that a plan uses, in states: no more than all entries take. */
const memoryOf = (steps: number, budget: number, entryCost: number): number =>
  Math.min(budget + entryCost, entryCost * steps);

/** Whether the table for a budget can be computed in a few seconds. */
export const canPlan = (steps: number, budget: number, entryCost = 3): boolean =>
  memoryOf(steps, budget, entryCost) * steps ** 2 <= 4e9;

/**
 * The plan with the fewest forward steps for a memory budget. Throws `INVALID_SETTING` if it would take too long to find.
 *
 * @param budget memory in states, in addition to the entry of the current step.
 */
export function optimalPlan(steps: number, budget: number, options: BudgetOptions = {}): StoragePlan {
  requireOptions('options', options ?? null, ['entryCost', 'entries']);
  const { entryCost = 3, entries = true } = options;
  requireOptional('entries', entries, 'boolean');
  requireInteger('steps', steps, 1, 1 << 20);
  requireInteger('entryCost', entryCost, 1, 1 << 10);
  requireInteger('budget', budget, 0, 1 << 24);
  const memory = memoryOf(steps, budget, entryCost);
  if (!canPlan(steps, budget, entryCost)) {
    throw invalidSetting(
      'budget',
      `is too large to plan for exactly: budget * steps^2 is ${(memory * steps ** 2).toExponential(1)}, and must be at most 4e9.`,
      'Use segments or a smaller budget.',
    );
  }
  const table = solve(steps, memory, entryCost, entries);
  const orders: PlanOrder[] = [];
  write(orders, table, { steps, entryCost }, 0, steps, memory);
  return { name: `${entries ? 'optimal' : 'revolve'}, memory for ${budget} states`, steps, orders };
}

function solve(steps: number, memory: number, e: number, entries: boolean): Table {
  const width = steps + 1;
  const cost = new Float64Array((memory + 1) * width).fill(Number.POSITIVE_INFINITY);
  const choice = new Int32Array((memory + 1) * width);
  for (let m = 0; m <= memory; m++) {
    cost[m * width] = 0;
    if (m < e) continue;
    for (let n = 1; n <= steps; n++) {
      const at = m * width + n;
      if (m >= e * n && (entries || n === 1)) {
        cost[at] = n;
        continue;
      }
      let min = (n * (n + 1)) / 2;
      let best = 1;
      const [less, same] = [(m - 1) * width + n, m * width];
      for (let y = 1; y < n; y++) {
        const total = y + cost[less - y]! + cost[same + y]!;
        if (total < min) {
          min = total;
          best = 2 * y;
        }
      }
      const after = (m - e) * width + n;
      for (let y = 1; entries && m >= 2 * e && y < n; y++) {
        const total = y + cost[after - y]! + cost[same + y - 1]!;
        if (total < min) {
          min = total;
          best = 2 * y + 1;
        }
      }
      cost[at] = min;
      choice[at] = best;
    }
  }
  return { cost, choice };
}

/** Writes the orders for steps [from, from + n) with memory for m states; the current state is the one before `from`. */
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
