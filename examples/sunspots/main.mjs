/**
 * Sunspots, one year ahead, trained on the years up to 1920: the squared error, divided by the variance 1535, on 1921 to 1955 and on
 * 1956 to 1979.
 *
 *   node examples/sunspots/main.mjs [--seeds 10] [--epochs 70]
 *
 * Prints the errors of each seed, and of the mean forecast of all. docs/forecasting.md says how the settings were chosen. The last
 * line is JSON.
 */
import { parseArgs } from 'node:util';
import { readText } from 'unspool/node';
import { ensemble, forecasting, parseCsv, trainForecaster } from 'unspool/tasks';

const options = { seeds: { type: 'string', default: '10' }, epochs: { type: 'string', default: '70' } };
const { seeds, epochs } = parseArgs({ options }).values;
const began = performance.now();
const table = parseCsv(await readText('data/sunspots.csv'), { name: 'sunspots.csv' });
const window = {
  target: 'SUNACTIVITY',
  history: 12,
  horizon: 1,
  level: 0,
  scale: 'sqrt',
  quantiles: [0.5],
  batchSize: 16,
};
const data = forecasting(table, { ...window, validation: 0, test: 2008 - 1920 });
const fit = { loss: 'meanSquaredError', schedule: 'constant' };
const settings = { hiddenSize: 4, epochs: Number(epochs), learningRate: 0.01, fit };
const forecasters = [];
for (let seed = 1; seed <= seeds; seed++) forecasters.push(await trainForecaster(data, { ...settings, seeds: [seed] }));

const { windows } = data.test;
const squared = ([value], i) => (value - windows[i].encoder.series.values[0][windows[i].origin]) ** 2 / 1535;
const mean = (list) => list.reduce((sum, one) => sum + one) / list.length;
const errorsOf = async (forecaster) => {
  const errors = (await forecaster.predict(windows)).map(squared);
  return { '1921-1955': mean(errors.slice(0, 35)), '1956-1979': mean(errors.slice(35, 59)) };
};
const errors = await Promise.all(forecasters.map(errorsOf));
const together = await errorsOf(await ensemble(forecasters, data));
console.table([...errors, together]);
console.log(JSON.stringify({ errors, together, seconds: Math.round((performance.now() - began) / 1000) }));
