import { expect, test } from '@jest/globals';
import type { Progress } from '../../studio/src/engine/api.js';
import { ProgressReporter } from '../../studio/src/engine/progress.js';
import type { Session } from '../../studio/src/engine/session.js';

const session = { inShownUnit: (loss: number) => loss } as Session;
const pause = (): Promise<void> => new Promise((done) => setTimeout(done, 80)); // longer than between two reports

test('a page that has not handled the last report gets no further one, and later one with all updates', async () => {
  const reports: Progress[] = [];
  let handle = (): void => {};
  const reporter = new ProgressReporter(
    (progress) => {
      reports.push(progress);
      return new Promise((done) => (handle = done));
    },
    async () => null,
  );
  const update = async (number: number): Promise<void> => {
    await pause();
    reporter.record(session, { kind: 'update', update: number, epoch: 1, loss: number, gradientNorm: 1 } as never);
    await reporter.report(session, 'playing');
  };
  for (const number of [1, 2, 3]) await update(number);
  expect(reports.map(({ updates }) => updates.map(([at]) => at))).toEqual([[1]]);
  handle();
  await update(4);
  expect(reports.map(({ updates }) => updates.map(([at]) => at))).toEqual([[1], [2, 3, 4]]);
  // The end is reported in any case.
  await reporter.report(session, 'paused');
  expect(reports.at(-1)).toMatchObject({ state: 'paused', updates: [], update: 4 });
});
