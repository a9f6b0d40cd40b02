/** Files that the Studio reads and writes: texts, tables, models, and figures. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { describeInChromium } from '../support/machine.js';
import { errorBanner, oneUpdate, ROOT, ready, studio } from './support.js';

const site = studio();
const folder = mkdtempSync(join(tmpdir(), 'unspool-studio-files-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const unspool = (...args: string[]): string =>
  execFileSync('node', [join(ROOT, 'dist/cli/main.js'), ...args], { encoding: 'utf8', cwd: folder });

const TRAIN = [
  ...['train', 'own.txt', '--hidden-size', '8', '--embedding-size', '4', '--batch-size', '4', '--steps', '8'],
  ...['--max-updates', '3', '--out', 'cli.safetensors'],
];

describeInChromium('files', () => {
  test('reads a table and a text, and exchanges models with the command line', async () => {
    writeFileSync(at('own.txt'), 'the sea, the ship, the whale. '.repeat(40));
    const rows = Array.from({ length: 400 }, (_, t) => `${t % 7},${(10 + 3 * Math.sin(t / 3)).toFixed(3)}`);
    writeFileSync(at('own.csv'), ['day,value', ...rows].join('\n'));
    const { page, troubles } = await site.open('?preset=counting&units=4');
    await ready(page);
    await page.locator('.own summary').click();
    await page.locator('.own input[type=file]').setInputFiles(at('own.csv'));
    await page.getByText('own.csv: predict the next value from 2 columns.').first().waitFor();
    expect(await oneUpdate(page)).toBeGreaterThan(0);
    await page.locator('.own input[type=file]').setInputFiles(at('own.txt'));
    await page.getByText('own.txt: predict the next character.').first().waitFor();
    expect(await oneUpdate(page)).toBeGreaterThan(0);

    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save model' }).click();
    await (await saved).saveAs(at('model.safetensors'));
    expect(unspool('info', 'model.safetensors')).toMatch(/lstm +hiddenSize 32/);
    expect(unspool('eval', 'model.safetensors', 'own.txt')).toMatch(/bits per character +\d/);

    unspool(...TRAIN);
    await page.locator('.button input[type=file]').setInputFiles(at('cli.safetensors'));
    const count = unspool('info', 'cli.safetensors').match(/Parameters: ([\d,]+)/)![1]!;
    await page.getByText(`${count} parameters`).waitFor();
    expect(troubles).toEqual([]);

    await page.locator('.button input[type=file]').setInputFiles(at('own.csv'));
    await errorBanner(page)
      .getByText(/own\.csv/)
      .waitFor();
  });

  test('opens the model of npm start over any preset: its text is the whole novel', async () => {
    const config = join(ROOT, 'examples/moby-dick.json');
    const novel = join(ROOT, 'data/moby-dick.txt');
    unspool(
      'train',
      novel,
      '--config',
      config,
      '--hidden-size',
      '8',
      '--max-updates',
      '1',
      '--out',
      'novel.safetensors',
    );
    const { page, troubles } = await site.open('?preset=counting&units=4');
    await ready(page);
    await page.locator('.button input[type=file]').setInputFiles(at('novel.safetensors'));
    await page.getByText('This is the model of novel.safetensors').waitFor();
    await page.getByRole('button', { name: 'Moby-Dick', pressed: true }).waitFor();
    expect(page.url()).toMatch(/preset=novel&units=8&learningRate=0.008&steps=64/);
    await page
      .getByTestId('sample')
      .getByText(/.{100}/s)
      .waitFor();
    // Untrained, all of the 83 characters are equally likely: log2(83) = 6.4 bits.
    expect(Math.abs((await oneUpdate(page)) - Math.log2(83))).toBeLessThan(0.2);
    expect(troubles).toEqual([]);
  });

  test('saves a figure as SVG, PNG and CSV', async () => {
    const { page } = await site.open('?preset=counting&units=4#train');
    await ready(page);
    await oneUpdate(page);
    const save = async (name: string): Promise<string> => {
      const download = page.waitForEvent('download');
      await page.locator('.figure', { hasText: 'Loss' }).first().getByRole('button', { name }).click();
      const file = await download;
      await file.saveAs(at(file.suggestedFilename()));
      return readFileSync(at(file.suggestedFilename()), 'latin1');
    };
    expect(await save('SVG')).toMatch(/^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect((await save('CSV')).split('\n')[0]).toBe('first update,last update,mean loss,lowest,highest');
    expect((await save('PNG')).slice(1, 4)).toBe('PNG');
  });
});
