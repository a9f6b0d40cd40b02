/** Forecasters from metadata, what they refuse, and what they free. */
import { describe, expect, jest, test } from '@jest/globals';
import { Model } from '../../src/core/model.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { contextOf, Forecaster } from '../../src/tasks/forecaster.js';
import {
  ensemble,
  type ForecastingData,
  forecasterFrom,
  forecasting,
  parseCsv,
  trainForecaster,
} from '../../src/tasks/index.js';
import { buildModel } from '../support/model.js';
import { Constant, column, DAY, dateOf } from './support.js';

describe('the end of a series', () => {
  const table = parseCsv(`d,k,y\n${Array.from({ length: 30 }, (_, i) => `${dateOf(i)},${i},${i}`).join('\n')}`);
  const options = { date: 'd', target: 'y', known: ['k'], history: 4, horizon: 2, lags: [3], test: 4, validation: 4 };
  const data = forecasting(table, options);

  test('has the rows that a forecast reads: the history and the longest lag', () => {
    const { series } = data.series[0]!.encoder;
    const context = contextOf(series, data.pipeline);
    expect(context).toMatchObject({ name: '', start: 23 * DAY, length: 7 });
    expect(context.values.map((values) => Array.from(values))).toEqual(new Array(2).fill([23, 24, 25, 26, 27, 28, 29]));
    expect(contextOf(context, data.pipeline)).toEqual(context);
    const short = { ...series, length: 5, values: series.values.map((values) => values.slice(0, 5)) };
    expect(contextOf(short, data.pipeline)).toMatchObject({ start: 0, length: 5 });
  });

  const model = (inputSize: number, size: number) =>
    buildModel(createReference('float32'), {
      inputSize,
      layers: [
        { kind: 'lstm', hiddenSize: 1 },
        { kind: 'linear', size },
      ],
    });
  const metadataOf = (set: ForecastingData) =>
    new Forecaster({
      ...{ models: [], pipeline: set.pipeline, calibration: [[1, 2]] },
      context: set.series.map(({ encoder }) => contextOf(encoder.series, set.pipeline)),
    }).metadata();

  test('is in the metadata, from which a forecaster is restored; that of another model is refused', () => {
    const metadata = metadataOf(data);
    const [inputs, outputs] = [data.pipeline.inputs.length, 3];
    const fitting = model(inputs, outputs);
    const restored = forecasterFrom([fitting], metadata);
    expect(restored.metadata()).toEqual(metadata);
    expect(restored.calibration).toEqual([[1, 2]]);
    const text = (i: number, o: number) =>
      `pipeline has ${inputs} inputs and 3 quantiles; the model has ${i} inputs and ${o} outputs.`;
    expect(() => forecasterFrom([fitting, model(inputs, 2)], metadata)).toThrow(text(inputs, 2));
    expect(() => forecasterFrom([model(inputs + 1, 3)], metadata)).toThrow(text(inputs + 1, 3));
    for (const wrong of [[], 3, [null], new Array(1)])
      expect(() => forecasterFrom(wrong as never, metadata)).toThrow('models must be a list of models');
    expect(() => forecasterFrom([fitting], 3 as never)).toThrow('metadata must be an object, got 3.');
    for (const calibration of [undefined, 3, [3], [['1']], [[Number.NaN]]])
      expect(() => forecasterFrom([fitting], { ...metadata, calibration } as never)).toThrow('calibration is damaged.');
    expect(forecasterFrom([fitting], { ...metadata, calibration: null }).calibration).toBeNull();
    const [one] = metadata.context as unknown as object[];
    const bad = [
      ...[3, [3], [{ ...one, name: 3 }], [{ ...one, values: 3 }], [{ ...one, start: '0' }], [{ ...one, length: 6.5 }]],
      ...[
        [{ ...one, length: 6 }],
        [{ ...one, values: [] }],
        [{ ...one, values: [[1, 2, 3, 4, 5, 6, '7']] }],
        [{ ...one, values: [3] }],
      ],
    ];
    for (const context of bad)
      expect(() => forecasterFrom([fitting], { ...metadata, context } as never)).toThrow('context is damaged.');
  });

  test('too few rows for a forecast are refused, and missing ones are kept as missing', async () => {
    const fixed = new Constant(data, [1, 2, 3]);
    const few = `d,k,y\n${Array.from({ length: 6 }, (_, i) => `${dateOf(i)},${i},${i}`).join('\n')}\n${dateOf(6)},6,`;
    await expect(fixed.forecast({ table: parseCsv(few) })).rejects.toThrow('a forecast reads 7. Give more rows.');
    await expect(fixed.forecast({ table: 3 as never })).rejects.toThrow('options.table must be a table, got 3.');
    await expect(fixed.forecast({ method: 'other' as never })).rejects.toThrow('options.method must be');
    expect(() => fixed.data(3 as never)).toThrow('table must be a table, got 3. Use parseCsv().');
    const set = forecasting(column(Array.from({ length: 30 }, (_, i) => i)), { target: 'y', history: 3, horizon: 1 });
    const series = set.series[0]!.encoder.series;
    const values = [series.values[0]!.map((v) => (v === 28 ? Number.NaN : v))];
    const parts = { models: [], pipeline: set.pipeline, calibration: null, context: [{ ...series, values }] };
    const metadata = new Forecaster(parts).metadata();
    expect((metadata.context as unknown as { values: unknown[][] }[])[0]!.values[0]!.slice(-2)).toEqual([null, 29]);
    const one = model(set.pipeline.inputs.length, 3);
    expect(forecasterFrom([one], metadata).context[0]!.values[0]!.slice(-2)).toEqual(Float64Array.of(Number.NaN, 29));
  });

  test('windows of predict begin after their history, within their series', async () => {
    const forecaster = new Forecaster({
      models: [model(data.pipeline.inputs.length, 3)],
      pipeline: data.pipeline,
      calibration: null,
      context: [],
    });
    const { encoder } = data.series[0]!;
    expect(await forecaster.predict([7, 30].map((origin) => ({ encoder, origin })))).toHaveLength(2);
    for (const origin of [6, 31, 7.5])
      await expect(
        forecaster.predict([
          { encoder, origin: 8 },
          { encoder, origin },
        ]),
      ).rejects.toThrow('windows[1] must be a window');
    await expect(forecaster.predict([{ encoder: {}, origin: 8 } as never])).rejects.toThrow('windows[0] must be');
    await expect(forecaster.predict([null as never])).rejects.toThrow('windows[0] must be');
    await expect(forecaster.predict(3 as never)).rejects.toThrow('windows must be a list of windows, got 3.');
  });
});

test('models are freed when a training fails, and when the calibration does', async () => {
  const data = () =>
    forecasting(column(Array.from({ length: 12 }, (_, i) => i % 3)), {
      ...{ target: 'y', history: 3, horizon: 2, test: 0, validation: 2 },
    });
  const options = { hiddenSize: 1, epochs: 1, seeds: [1, 2], backend: { backend: 'reference' } } as const;
  const freed = jest.spyOn(Model.prototype, 'dispose');
  const onEvent = (_: unknown, seed: number): void => {
    if (seed === 2) throw new Error('stop');
  };
  await expect(trainForecaster(data(), { ...options, onEvent })).rejects.toThrow('stop');
  expect(freed).toHaveBeenCalledTimes(2);
  const failing = data();
  Object.defineProperty(failing, 'series', {
    get() {
      throw new Error('no series');
    },
  });
  await expect(trainForecaster(failing, options)).rejects.toThrow('no series');
  expect(freed).toHaveBeenCalledTimes(4);
  (await trainForecaster(data(), options)).dispose();
  expect(freed).toHaveBeenCalledTimes(6);
  freed.mockRestore();
  for (const wrong of [3, null])
    await expect(ensemble([], wrong as never)).rejects.toThrow('data must be the result of forecasting()');
});
