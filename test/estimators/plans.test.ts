/** Storage plans order by order, what is wrong with inconsistent ones, and how `checkpointed` chooses its plan. */
import { describe, expect, test } from '@jest/globals';
import { canPlan } from '../../src/estimators/storage/optimal.js';
import {
  checkpointed,
  everySegment,
  keepAll,
  optimalPlan,
  type PlanOrder,
  planCost,
  type StoragePlan,
} from '../../src/lab/index.js';
import { thrown } from '../support/errors.js';

/** `A0 T1 B1 F1`: advance, tape, backward, free the entry; `S1 R1 f1`: save, restore, free the state. */
const LETTERS: Readonly<Record<string, PlanOrder['kind']>> = {
  ...{ A: 'Advance', S: 'Save', R: 'Restore', T: 'Tape', B: 'Backward', F: 'Free', f: 'Free' },
};
const ordersOf = (text: string): PlanOrder[] =>
  text.split(' ').map((one) => {
    const [kind, t] = [LETTERS[one[0]!]!, Number(one.slice(1))];
    return (kind === 'Free' ? { kind, t, what: one[0] === 'f' ? 'state' : 'entry' } : { kind, t }) as PlanOrder;
  });
const planOf = (steps: number, text: string): StoragePlan => ({ name: 'mine', steps, orders: ordersOf(text) });
const textOf = ({ orders }: StoragePlan): string =>
  orders
    .map((order) => {
      const letter = order.kind === 'Free' ? (order.what === 'state' ? 'f' : 'F') : order.kind[0];
      return `${letter}${order.t}`;
    })
    .join(' ');

describe('orders', () => {
  test.each<[string, StoragePlan, string]>([
    ['all', keepAll(2), 'T0 T1 B1 F1 B0 F0'],
    ['segments of 2', everySegment(5, 2), 'A0 S1 A1 A2 T3 T4 B4 F4 B3 F3 R1 f1 T1 T2 B2 F2 B1 F1 R0 T0 B0 F0'],
    ['segments of 2', everySegment(12), textOf(everySegment(12, 2))],
    ['segments of 1', everySegment(1), 'T0 B0 F0'],
    ['optimal, memory for 0 states', optimalPlan(2, 0), 'A0 T1 B1 F1 R0 T0 B0 F0'],
    ['optimal, memory for 1 states', optimalPlan(3, 1), 'A0 S1 A1 T2 B2 F2 R1 T1 B1 F1 f1 R0 T0 B0 F0'],
    ['optimal, memory for 9 states', optimalPlan(2, 9), 'T0 T1 B1 F1 B0 F0'],
    ['revolve, memory for 9 states', optimalPlan(2, 9, { entries: false }), 'A0 T1 B1 F1 R0 T0 B0 F0'],
  ])('%s', (name, plan, orders) => {
    expect([plan.name, textOf(plan)]).toEqual([name, orders]);
    expect(planCost(plan).forwards).toBe(
      plan.orders.filter(({ kind }) => kind === 'Advance' || kind === 'Tape').length,
    );
  });

  test('the cost: forward steps, and the peak of states and entries', () => {
    expect(planCost(planOf(2, 'A0 S1 T1 B1 F1 f1 R0 T0 B0 F0'))).toEqual({ forwards: 3, peak: 4 });
    expect(planCost(planOf(2, 'A0 S1 T1 B1 F1 f1 R0 T0 B0 F0'), 5)).toEqual({ forwards: 3, peak: 6 });
    expect(planCost(planOf(3, 'T0 A1 T2 B2 R1 T1 B1 B0'))).toEqual({ forwards: 4, peak: 9 }); // nothing is freed
    expect(planCost(planOf(3, 'T0 A1 T2 B2 F2 R1 T1 B1 F1 B0 F0'))).toEqual({ forwards: 4, peak: 6 });
  });

  test.each<[string, StoragePlan]>([
    ['order 0 of the plan Advance 1, but the current state is the one before step 0.', planOf(2, 'A1')],
    ['order 1 of the plan Tape 0, but the current state is the one before step 1.', planOf(2, 'A0 T0')],
    ['order 0 of the plan Save 1, but the current state is the one before step 0.', planOf(2, 'S1')],
    ['order 1 of the plan the state before step 1 is missing.', planOf(2, 'A0 R1')],
    ['order 3 of the plan the state before step 1 is missing.', planOf(2, 'A0 S1 f1 R1')],
    ['order 2 of the plan goes back through step 0, but step 1 is next.', planOf(2, 'T0 T1 B0')],
    ['order 2 of the plan the entry of step 1 is missing.', planOf(2, 'T0 A1 B1')],
    ['order 3 of the plan the plan ends before Backward 0.', planOf(2, 'T0 T1 B1')],
    ['order 0 of the plan must have a kind', { ...planOf(1, 'T0'), orders: [null as never] }],
    ['order 0 of the plan must have a kind', { ...planOf(1, 'T0'), orders: [{ kind: 'Take', t: 0 } as never] }],
    ['order 0 of the plan must have a kind', { ...planOf(1, 'T0'), orders: [{ kind: 'Tape', t: 0.5 }] }],
    ['order 0 of the plan must have a kind', { ...planOf(1, 'T0'), orders: [{ kind: 'Free', t: 0 } as never] }],
    ['plan.orders must be a list', { ...planOf(1, 'T0'), orders: {} as never }],
    ['plan.more', { ...planOf(1, 'T0'), more: 1 } as never],
  ])('%s', (message, plan) => {
    expect(thrown(() => planCost(plan)).message.replace('plan:', 'plan')).toContain(message);
  });
});

describe('the plan of checkpointed', () => {
  test.each<[string, number | null, object]>([
    ['checkpointed(all)', null, { steps: 6, plan: keepAll(6) }],
    ['checkpointed(segments of 2)', 2, { steps: 6, segment: 2 }],
    ['checkpointed(segments of 1)', 1, { steps: 6, policy: 'sqrt' }],
    ['checkpointed(segments of 3)', 3, { steps: 27, policy: 'sqrt' }],
    ['checkpointed(optimal, memory for 4 states)', null, { steps: 6, policy: 'optimal', slots: 4 }],
    ['checkpointed(revolve, memory for 3 states)', null, { steps: 6, policy: 'revolve', slots: 4 }],
    ['checkpointed(0.5 of the tape)', 2, { steps: 6, memory: 0.5 }],
    ['checkpointed(0 of the tape)', null, { steps: 6, memory: 0 }],
    ['checkpointed(1 of the tape)', 6, { steps: 6, memory: 1 }],
  ])('%s, segments of %p', (name, length, options) => {
    const one = checkpointed(options as never);
    expect(one.name).toBe(name);
    const { steps } = options as { readonly steps: number };
    expect(one.segments).toEqual(length === null ? null : { steps, length });
  });

  test.each([
    ['needs one of plan, segment, memory, policy, got none.', { steps: 4 }],
    ['got plan and memory.', { steps: 4, memory: 0.5, plan: keepAll(4) }],
    ['plan.steps must be steps, 5, got 4.', { steps: 5, plan: keepAll(4) }],
    ['segment must be an integer from 1 to 4', { steps: 4, segment: 5 }],
    ['checkpointed.slots', { steps: 4, policy: 'sqrt', slots: 2 }],
    ['policy must be', { steps: 4, policy: 'best' }],
  ])('%s', (message, options) => {
    expect(thrown(() => checkpointed(options as never)).message).toContain(message);
  });

  test('an exact plan has a limit of work', () => {
    expect([canPlan(2000, 997), canPlan(2000, 998), canPlan(1000, 1 << 24)]).toEqual([true, false, true]);
    expect([canPlan(4000, 249, 1), canPlan(4000, 250, 1)]).toEqual([true, false]);
    expect(thrown(() => optimalPlan(20_000, 10)).message).toContain(
      'budget is too large to plan for exactly: budget * steps^2 is 5.2e+9, and must be at most 4e9. Use segments',
    );
    expect(thrown(() => optimalPlan(4, 2, { entries: 1 as never })).message).toContain('entries must be');
    expect(thrown(() => optimalPlan(4, 2, null as never)).code).toBe('INVALID_SETTING');
  });
});
