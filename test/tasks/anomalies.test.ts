/** Anomaly scores of forecasters, in code and on the command line. */
import { beforeAll, expect, test } from '@jest/globals';
import { predictCommand } from '../../src/cli/predict.js';
import { saveModel } from '../../src/node/index.js';
import {
  anomalies,
  type Forecaster,
  type ForecastingData,
  forecasting,
  parseCsv,
  trainForecaster,
} from '../../src/tasks/index.js';
import { runHere, temporaryFolder } from '../cli/in-process.js';

const values = Array.from({ length: 90 }, (_, i) => 20 + (i % 7) * 3 + ((i * 37) % 11) / 10);
const csvOf = (list: readonly (number | string)[]): string => `sold\n${list.join('\n')}\n`;
const OPTIONS = { target: 'sold', history: 7, horizon: 3, test: 12, validation: 12, batchSize: 16 } as const;
const SPIKE = 84;
const spiked = values.map((value, i) => (i === SPIKE ? value + 60 : value));

let data: ForecastingData;
let forecaster: Forecaster;
beforeAll(async () => {
  data = forecasting(parseCsv(csvOf(values)), OPTIONS);
  forecaster = await trainForecaster(data, { hiddenSize: 6, epochs: 8, backend: { backend: 'reference' } });
});

test('a share of the training windows is above the threshold, which rows of the test part do not change', async () => {
  const scored = await anomalies(forecaster, data, { share: 0.1 });
  expect(scored).toHaveLength(90 - 7); // all rows but the first history, each once
  expect(scored.map(({ date }) => date)).toEqual([...new Set(scored.map(({ date }) => date))]);
  // One row ahead, the windows of training and validation begin at rows 7 to 63, and 66 to 75.
  const isReference = (i: number): boolean => (i >= 7 && i <= 63) || (i >= 66 && i <= 75);
  const reference = scored.filter((_, i) => isReference(i + 7));
  expect(reference.filter(({ isAnomaly }) => isAnomaly)).toHaveLength(Math.floor(0.1 * reference.length));
  for (const { value, expected, score, isAnomaly } of scored) {
    expect(isAnomaly).toBe(score > 1);
    expect(score === 0).toBe(value === expected);
  }
  const other = forecaster.data(parseCsv(csvOf(spiked)));
  const again = await anomalies(forecaster, other, { share: 0.1 });
  expect(again.slice(0, SPIKE - 7)).toEqual(scored.slice(0, SPIKE - 7));
  const highest = again.reduce((a, b) => (b.score > a.score ? b : a));
  expect(again.indexOf(highest)).toBe(SPIKE - 7);
});

test('the command prints the rows of a file above the threshold of the training table', async () => {
  const here = temporaryFolder();
  const table = here.write('sold.csv', csvOf(values));
  await saveModel(here.at('m.safetensors'), forecaster.models[0]!, { metadata: { ...forecaster.metadata(), table } });
  const file = here.write('new.csv', csvOf(spiked.slice(60)));
  const scored = await anomalies(forecaster, data, { share: 0.02, table: parseCsv(csvOf(spiked.slice(60))) });
  const found = scored.filter(({ isAnomaly }) => isAnomaly);
  expect(found.map(({ value }) => value)).toContain(spiked[SPIKE]);
  const printed = await runHere(predictCommand, here.at('m.safetensors'), file, '--anomalies', '0.02', '--csv');
  expect(printed.trim().split('\n').slice(1)).toHaveLength(found.length);
  const json = await runHere(predictCommand, here.at('m.safetensors'), file, '--anomalies', '0.02', '--json');
  expect(json.trim().split('\n')).toHaveLength(scored.length);
  const wrong = runHere(predictCommand, here.at('m.safetensors'), '--anomalies', '0.02', '--next', '2');
  await expect(wrong).rejects.toThrow('--next cannot be combined with --anomalies.');
});

test('a table that is too short, and a share of 1, are rejected', async () => {
  const table = parseCsv(csvOf(values.slice(0, 9)));
  await expect(anomalies(forecaster, data, { table })).rejects.toThrow('has 9 rows; a score needs 10.');
  await expect(anomalies(forecaster, data, { share: 1 })).rejects.toThrow('options.share must be');
});
