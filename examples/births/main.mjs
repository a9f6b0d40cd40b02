/**
 * US births per day. 30 days ahead, on the windows of GIFT-Eval's us_births/D/short: 20 windows, the first from 1987-05-12. With
 * --ahead 1: one day ahead, for each day of 1987 and 1988.
 *
 *   node examples/births/main.mjs [--ahead 1] [--seeds 1,2,3] [--epochs 6] [--stride 1]
 *
 * Trains one forecaster per seed, and prints the errors of each, of all together and of the baselines. The last line is JSON.
 */
import { parseArgs } from 'node:util';
import { readText } from 'unspool/node';
import { backtest, ensemble, forecasting, parseCsv, trainForecaster } from 'unspool/tasks';

const { values } = parseArgs({
  options: {
    ahead: { type: 'string', default: '30' },
    seeds: { type: 'string', default: '1,2,3' },
    epochs: { type: 'string', default: '6' },
    stride: { type: 'string', default: '1' },
  },
});
const test = values.ahead === '1' ? { history: 28, horizon: 1, test: 731 } : { history: 14, horizon: 30, test: 600 };
const seeds = values.seeds.split(',').map(Number);
const began = performance.now();
const table = parseCsv(await readText('data/us-births-1969-1988.csv'), { name: 'us-births-1969-1988.csv' });
const data = forecasting(table, {
  date: ['year', 'month', 'date_of_month'],
  ...{ target: 'births', ...test, validation: 365, stride: Number(values.stride) },
  ...{ known: ['weekday', 'season', 'us-holidays'], lags: [364, 371, 728], scale: 'log', level: 28, batchSize: 32 },
  quantiles: [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
});
const settings = { hiddenSize: 32, bidirectional: true, dropout: 0.3, epochs: Number(values.epochs) };
const forecasters = [];
for (const seed of seeds) forecasters.push(await trainForecaster(data, { ...settings, seeds: [seed] }));
const quantiles = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]; // of GIFT-Eval's weighted quantile loss
const single = await Promise.all(forecasters.map((one) => backtest(one, data, { quantiles, baselines: false })));
const together = await backtest(await ensemble(forecasters, data), data, { quantiles });

const errors = single.map(({ methods: [own], interval }, i) => ({
  seed: seeds[i],
  ...own,
  coverage: interval.coverage,
}));
const seconds = Math.round((performance.now() - began) / 1000);
console.table(errors);
console.table(together.methods);
console.log(JSON.stringify({ errors, methods: together.methods, interval: together.interval, seconds }));
