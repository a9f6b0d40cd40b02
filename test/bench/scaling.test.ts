/** The scaling model of `npm run bench -- distributed`. */
import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

/** The values of expressions over bench/distributed/model.mjs, in one process. */
function evaluated(expressions: readonly string[]): unknown[] {
  const program = `
    import * as m from './bench/distributed/model.mjs';
    const own = { fixed: 4, perRow: 2, perBatchRow: 0.5, bytes: 1000 };
    const network = { latency: 0.25, bandwidth: 100 };
    console.log(JSON.stringify([${expressions}]));`;
  const args = ['--input-type=module', '-e', program];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })) as unknown[];
}

test('the parts of a step, what follows from them, and their fit', () => {
  const steps =
    '[[2, 16], [2, 64], [8, 64], [16, 256]].map(([ranks, rows]) => ({ ranks, rows, ms: m.ownMs(own, ranks, rows) }))';
  const [ownMs, exchange, alone, fitted, positive, last, efficiency] = evaluated([
    'm.ownMs(own, 4, 10)', // 4 + 2 * 3 + 0.5 * 10
    'm.exchangeMs(own, network, 4)', // (2 * 3 + 2) * 0.25 + 2 * 1000 * 3 / 4 / 100
    'm.stepMs(own, network, 1, 8)',
    `m.fitOwn(${steps})`,
    // The batch has no cost that can be measured: its share would be negative.
    'm.fitOwn([[1, 10, 30], [1, 20, 50], [2, 20, 28], [4, 40, 27]].map(([ranks, rows, ms]) => ({ ranks, rows, ms })))',
    'm.lastGain({ ...own, perBatchRow: 0 }, { latency: 0.2, bandwidth: 1e3 }, 64)',
    'm.efficiency(own, { latency: 0, bandwidth: Infinity }, 2, 32, 16)',
  ]);
  expect(ownMs).toBe(15);
  expect(exchange).toBe(17);
  expect(alone).toBe(24);
  const { fixed, perRow, perBatchRow } = fitted as Record<string, number>;
  expect([fixed, perRow, perBatchRow].map((value) => Number(value!.toFixed(9)))).toEqual([4, 2, 0.5]);
  expect((positive as Record<string, number>).perBatchRow).toBe(0);
  expect((positive as Record<string, number>).perRow).toBeGreaterThan(1.9);
  expect(last).toBe(16); // 8 ranks need 25.2 ms, 16 need 20.7, and 32 need 23.3
  expect(efficiency).toBeCloseTo(44 / (4 + 32 + 16), 12);
});
