/** Prints a backtest: the model next to the baselines, and its errors by row of the horizon. */
import type { BacktestReport } from '../../tasks/index.js';
import { grouped, type Output } from '../output.js';
import { tableText } from '../report/tables.js';

const MAX_STEPS = 10;
const figure = (value: number): string => (Number.isFinite(value) ? Number(value.toPrecision(5)).toString() : '-');
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Up to `MAX_STEPS` rows, evenly spread, with the first and the last. */
function spread<T>(rows: readonly T[]): T[] {
  const count = Math.min(rows.length, MAX_STEPS);
  return Array.from({ length: count }, (_, i) => rows[Math.round((i * (rows.length - 1)) / Math.max(1, count - 1))]!);
}

export function printBacktest(report: BacktestReport, out: Output): void {
  const { windows, targets, methods, horizon, interval, warnings } = report;
  out.print(`\n${grouped(windows)} windows of the test part, ${grouped(targets)} values`);
  out.print(
    tableText({
      columns: ['method', 'MAE', 'RMSE', 'MASE', 'wQL'],
      rows: methods.map(({ name, mae, rmse, mase, wql }) => [
        name,
        ...[mae, rmse, mase].map(figure),
        wql === null ? '-' : figure(wql),
      ]),
    }),
  );
  const hasInterval = interval !== null;
  out.print(`\nBy rows ahead${hasInterval ? `; the interval is to cover ${percent(interval.nominal)}` : ''}`);
  const rows = spread(horizon).map(({ step, mae, coverage, width }) => [
    ...[step, figure(mae)],
    ...(hasInterval ? [percent(coverage!), figure(width!)] : []),
  ]);
  out.print(tableText({ columns: ['ahead', 'MAE', ...(hasInterval ? ['covered', 'width'] : [])], rows }));
  if (hasInterval) out.print(`all: ${percent(interval.coverage)} covered, mean width ${figure(interval.width)}`);
  for (const warning of warnings) out.print(`Warning: ${warning}`);
}
