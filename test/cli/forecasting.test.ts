/** Forecasting from the command line: data, train, backtest, predict. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { folder, jsonLines } from './support.js';

const here = folder();
const dates = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => new Date(i * 86_400_000).toISOString().slice(0, 10));
const rows = dates(120).map((date, i) => `${date},${(50 + (i % 7 < 5 ? 10 : -10) + i / 20).toFixed(2)}`);
const COLUMNS = ['--date', 'day', '--target', 'sold', '--history', '14', '--horizon', '7'];
const SMALL = ['--test', '14', '--validation', '14', '--hidden-size', '4', '--epochs', '2', '--stride', '9'];

beforeAll(async () => {
  here.write('shop.csv', `day,sold\n${rows.join('\n')}\n`);
  await here.ok('train', 'shop.csv', ...COLUMNS, ...SMALL, '--known', 'weekday', '--quiet', '--run', 'runs/shop');
});

test('data shows the columns, the frequency, the parts and the dates of sample windows', async () => {
  const stdout = await here.ok('data', 'shop.csv', ...COLUMNS, '--test', '14', '--validation', '14');
  expect(stdout).toContain('shop.csv: 120 rows, 2 columns');
  expect(stdout).toContain('Frequency: daily. Gaps: none.');
  expect(stdout).toMatch(/^ {2}\*{46}x{7}-{7}$/m);
  expect(stdout).toContain('* train       92 rows, 1970-01-01 to 1970-04-02, 72 windows');
  expect(stdout).toMatch(/^test +1970-04-03 to 1970-04-16 +1970-04-17 to 1970-04-23$/m);
  const [record] = jsonLines(await here.ok('data', 'shop.csv', ...COLUMNS, '--json'));
  expect(record).toMatchObject({ kind: 'data', rows: 120, frequency: 'daily', windows: { test: 1 } });
});

test('data without a target lists the columns', async () => {
  expect(await here.ok('data', 'shop.csv')).toMatch(/^day +date +0 +120 +1970-01-01$/m);
});

test('train writes a run directory, and backtest repeats its figures next to baselines', async () => {
  expect(here.has('runs/shop/model.safetensors')).toBe(true);
  const record = JSON.parse(String(here.read('runs/shop/run.json')));
  expect(record).toMatchObject({ job: 'forecasting', status: 'finished', data: [{ file: 'shop.csv' }] });
  const [report] = jsonLines(await here.ok('backtest', 'runs/shop', '--json'));
  const { methods } = report as { methods: { name: string; mae: number }[] };
  expect(methods.map(({ name }) => name)).toEqual(['LSTM', 'naive', '7 rows ago', 'linear autoregression']);
  expect(methods[0]!.mae).toBe(record.result.mae);
  expect(await here.ok('backtest', 'runs/shop', 'shop.csv')).toMatch(/^all: \d+\.\d % covered/m);
});

test('the config file of a run repeats it with the same bytes', async () => {
  await here.ok('train', '--config', 'runs/shop/config.json', '--quiet', '--out', 'again.safetensors');
  const [a, b] = ['runs/shop/model.safetensors', 'again.safetensors'].map((name) => here.read(name));
  expect(a!.equals(b!)).toBe(true);
});

test('predict needs no table, and continues after newer rows', async () => {
  const csv = await here.ok('predict', 'runs/shop', '--csv', '--next', '2');
  expect(csv).toMatch(/^date,median,low,high\n1970-05-01,[\d.]+,[\d.]+,[\d.]+\n1970-05-02,/);
  here.write('new.csv', `day,sold\n${rows.join('\n')}\n1970-05-01,60\n`);
  const lines = jsonLines(
    await here.ok('predict', 'runs/shop', 'new.csv', '--json', '--next', '8', '--method', 'recursive'),
  );
  expect(lines).toHaveLength(8);
  expect(lines[0]).toMatchObject({ kind: 'forecast', date: '1970-05-02' });
});

describe('errors', () => {
  beforeAll(() => {
    here.write('bad.csv', `day,sold\n${rows.slice(0, 50).join('\n')}\n1970-02-20,"7,5"\n`);
    here.write('gap.csv', `day,sold\n${rows.filter((_, i) => i !== 30).join('\n')}\n`);
    here.write('latin.csv', Uint8Array.of(100, 97, 121, 44, 0xe9, 10, 49, 44, 50, 10));
    here.write('empty.csv', '');
  });
  test.each<[string[], number, string]>([
    [
      ['data', 'bad.csv', ...COLUMNS],
      1,
      'bad.csv, line 52, column "sold" must be a number, got "7,5". If its comma is a decimal comma',
    ],
    [['data', 'gap.csv', ...COLUMNS], 1, 'gap.csv, after line 31 has no row for 1970-01-31. Set missing to "fill"'],
    [['data', 'latin.csv'], 1, 'latin.csv: not UTF-8 text.'],
    [['data', 'empty.csv'], 1, 'empty.csv: the file is empty.'],
    [['data', 'shop.csv', '--target', 'sold'], 2, '--target needs --history and --horizon'],
    [['train', 'shop.csv'], 1, 'To forecast a column of it, add --target, --history and --horizon'],
    [['train', 'shop.csv', ...COLUMNS.slice(0, 6)], 2, 'missing --horizon'],
    [['train', 'shop.csv', ...COLUMNS, '--steps', '5'], 2, '--steps has no effect on a forecaster.'],
    [['train', 'shop.csv', ...COLUMNS, '--run', 'runs/shop'], 2, 'a run is never overwritten'],
    [['predict', 'runs/shop', '--next', '8'], 2, 'must be at most the horizon, 7, got 8.'],
    [['predict', 'text.txt'], 1, 'text.txt'],
  ])('%j', async (args, code, message) => {
    const ended = await here.run(...args);
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(code);
  });
});
