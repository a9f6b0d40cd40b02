/** Parquet files as tables. fixtures/shop.parquet was written by hyparquet-writer 0.17: 40 days, with Snappy. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { folder } from './support.js';

const here = folder();
cpSync(join(__dirname, 'fixtures/shop.parquet'), join(here.path, 'shop.parquet'));

test('columns of dates, numbers, large integers and texts are read', async () => {
  const stdout = await here.ok('data', 'shop.parquet');
  expect(stdout).toContain('shop.parquet: 40 rows, 4 columns');
  expect(stdout).toMatch(/^day +date +0 +40 +2024-01-01$/m);
  expect(stdout).toMatch(/^sold +number +0 +40 +20$/m);
  expect(stdout).toMatch(/^count +number +0 +40 +0$/m);
  expect(stdout).toMatch(/^shop +text +0 +2 +south$/m);
});

test('a file that was cut off is an error that names it', async () => {
  here.write('cut.parquet', here.read('shop.parquet').subarray(0, 300));
  const { code, stderr } = await here.run('data', 'cut.parquet');
  expect(code).toBe(1);
  expect(stderr).toContain('cut.parquet: cannot be read as Parquet:');
});
