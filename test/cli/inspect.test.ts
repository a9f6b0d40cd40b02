/** `unspool inspect`: its text, its files and its errors. The page opens from disk. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createModel, deserializeModel } from '../../src/create.js';
import { gateStatistics, gradientByLag, trace } from '../../src/inspect/index.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { launchChromium } from '../support/chromium.js';
import { testInChromium } from '../support/machine.js';
import { folder, MAIN, sampleText, start, TINY } from './support.js';

const here = folder();
const run = (...args: string[]) => here.run('inspect', ...args);
const read = (name: string): string => readFileSync(join(here.path, name), 'utf8');

beforeAll(async () => {
  const args = ['train', 'text.txt', ...TINY, '--max-updates', '20', '--out'];
  await here.ok(...args, 'a.safetensors');
  await here.ok(...args, 'b.safetensors', '--seed', '5');
  const table = await createModel(
    {
      inputSize: 2,
      layers: [
        { kind: 'lstm', hiddenSize: 3 },
        { kind: 'lstm', hiddenSize: 2, direction: 'bidirectional' },
        { kind: 'linear', size: 1 },
      ],
    },
    { backend: 'reference' },
  );
  writeFileSync(join(here.path, 'table.safetensors'), await serializeModel(table));
  const rows = Array.from({ length: 20 }, (_, t) => `${Math.sin(t).toFixed(3)},${t % 3}`);
  writeFileSync(join(here.path, 'rows.csv'), ['x,y', ...rows].join('\n'));
});

const sentence = sampleText().slice(0, 40);

test('prints the figures of the library, and saves a page, tables and plots', async () => {
  const { code, stdout } = await run(
    'a.safetensors',
    '--text',
    sentence,
    '--out',
    'deep/page.html',
    '--tables',
    't',
    '--svg',
    's',
    '--png',
    'p',
  );
  expect(code).toBe(0);
  const { model, vocabulary } = await deserializeModel(readFileSync(join(here.path, 'a.safetensors')), {
    backend: 'reference',
    precision: 'float64',
  });
  const ids = vocabulary!.encode(sentence);
  const batch = { steps: ids.length - 1, batchSize: 1, inputs: ids.slice(0, -1), targets: ids.slice(1) };
  const found = await trace(model, batch);
  expect(stdout).toContain(
    `a.safetensors on ${batch.steps} characters of the given text: loss ${found.loss.toFixed(4)}`,
  );
  for (const { gate, mean, closed } of gateStatistics(found.layers[0]!)) {
    expect(stdout).toMatch(new RegExp(`^lstm +${gate} +${mean.toFixed(3)} +${(100 * closed).toFixed(1)} `, 'm'));
  }
  const lags = await gradientByLag(model, batch);
  expect(stdout).toContain(`lstm: the gradient ${lags.layers[0]!.verdict}`);
  expect(stdout).toContain('Saved deep/page.html');
  expect(readdirSync(join(here.path, 't')).sort()).toContain('gates.csv');
  expect(read('t/gates.csv').split('\n')[0]).toBe('layer,gate,mean,closed %,open %,|dL/dgate|');
  const drawings = readdirSync(join(here.path, 's'));
  expect(drawings).toEqual(
    expect.arrayContaining(['lstm-c.svg', 'lstm-dl-df.svg', 'lstm-saturation-one-point-per-unit.svg']),
  );
  expect(read('s/lstm-c.svg')).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  const pngs = readdirSync(join(here.path, 'p'));
  expect(pngs).toHaveLength(drawings.length);
  expect([...readFileSync(join(here.path, 'p', pngs[0]!)).subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
});

test('--json prints one object per model', async () => {
  const { code, stdout } = await run(
    'a.safetensors',
    '--text',
    '@text.txt',
    '--steps',
    '30',
    '--json',
    '--out',
    'j.html',
  );
  expect(code).toBe(0);
  const record = JSON.parse(stdout);
  expect(record).toMatchObject({ kind: 'inspection', model: 'a.safetensors', notFinite: { first: null } });
  expect(record.layers[0].gates).toHaveLength(4);
  expect(record.spectrum.byStep).toHaveLength(30);
  expect(record.attributions.gradient.byStep).toHaveLength(30);
});

test('what units track: support and p-value of each finding, and none with shuffled characters', async () => {
  const { code, stdout } = await run(
    'a.safetensors',
    '--text',
    '@text.txt',
    '--out',
    'units.html',
    '--tables',
    'units',
  );
  expect(code).toBe(0);
  const [, table] = /^What units track, in ([\d,]+) characters of text\.txt$/m.exec(stdout)!;
  expect(Number(table!.replace(',', ''))).toBeGreaterThanOrEqual(2048);
  expect(stdout).toMatch(/^layer +unit +feature +partial r +p +support$/m);
  const rows = [...stdout.matchAll(/^lstm +\d+ +[a-z ]+ +-?0\.\d\d +(0\.\d{3}) +([\d,]+) [a-z ]+$/gm)];
  expect(rows.length).toBeGreaterThan(2);
  for (const [, p, support] of rows) {
    expect(Number(p)).toBeLessThanOrEqual(0.01);
    expect(Number(support!.replace(',', ''))).toBeGreaterThanOrEqual(20);
  }
  expect(stdout).toMatch(/^\d+ of 8 units follow a feature more closely than chance explains: /m);
  expect(stdout).toContain('Check: the same test with the characters in random order finds 0 units.');
  expect(stdout).toMatch(/^Not tested, because of too few events: .*digit \(0 digits\)/m);
  expect(read('units/what-units-track.csv').split('\n')).toHaveLength(rows.length + 2);
  expect(read('units.html')).toContain('of lstm: follows <b>');
});

test('what units track: one sentence, a short text, an unknown character', async () => {
  const words = read('text.txt').replace(/[.!?]/g, '');
  writeFileSync(join(here.path, 'one.txt'), `${words.slice(0, 3000)}.`);
  const one = await run('a.safetensors', '--text', '@one.txt', '--out', 'one.html');
  expect(one.stdout).toMatch(/^What units track, in [\d,]+ characters of one\.txt$/m);
  expect(one.stdout).not.toMatch(/^lstm .*sentence/m);
  expect(one.stdout).toMatch(/since a sentence ended \([01] sentence ends/);
  const short = await run('a.safetensors', '--text', '@text.txt', '--read', '500', '--json', '--out', 'short.html');
  const { tracking } = JSON.parse(short.stdout);
  expect(tracking).toMatchObject({ text: 'text.txt', characters: 500, units: 8, findings: [], minSteps: 2048 });
  expect(tracking).not.toHaveProperty('states');
  writeFileSync(join(here.path, 'unknown.txt'), `${words.slice(0, 2500)}\u2603${words}`);
  const unknown = await run('a.safetensors', '--text', '@unknown.txt', '--out', 'unknown.html');
  expect(unknown.stdout).toContain('Reading stops at character 2,501, "\u2603", which the model does not know.');
});

test('--compare shows two models side by side', async () => {
  const { code, stdout } = await run(
    'a.safetensors',
    '--compare',
    'b.safetensors',
    '--text',
    sentence,
    '--out',
    'two.html',
  );
  expect(code).toBe(0);
  expect(stdout.match(/characters of the given text: loss/g)).toHaveLength(2);
  expect(read('two.html')).toContain('Inside a.safetensors and b.safetensors');
});

test('inspects a model of numbers with a bidirectional layer', async () => {
  const { code, stdout } = await run('table.safetensors', '--csv', 'rows.csv', '--out', 'n.html');
  expect(code).toBe(0);
  expect(stdout).toContain('table.safetensors on 19 rows of rows.csv: loss');
  expect(stdout).toMatch(/^lstm_l1_reverse +o /m);
  expect(stdout).toMatch(/^lstm_l1_reverse: too few steps to see whether the gradient vanishes\.$/m);
});

test('reads a table without creating code from it', async () => {
  // Column names that would change the text of a function.
  const header = '"x""]: process.exit(3), [""","y\'\u2028"';
  writeFileSync(join(here.path, 'hostile.csv'), read('rows.csv').replace('x,y', header));
  const args = ['inspect', 'table.safetensors', '--csv', 'hostile.csv', '--out', 'h.html'];
  const before = ['--disallow-code-generation-from-strings', MAIN];
  const { code, stderr } = await start(here.path, args, process.execPath, before).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('inspects a model with a single output, at the end', async () => {
  const layers = [
    { kind: 'lstm', hiddenSize: 3, returns: 'last' },
    { kind: 'linear', size: 1 },
  ] as const;
  const once = await createModel({ inputSize: 2, layers }, { backend: 'reference' });
  writeFileSync(join(here.path, 'once.safetensors'), await serializeModel(once));
  const { code, stdout } = await run('once.safetensors', '--csv', 'rows.csv', '--out', 'once.html');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^lstm +10 +\S+ +\S+$/m); // lags reach back from the last row
  expect(stdout).toMatch(/^lstm: the gradient (vanishes|fades|is carried)/m);
});

testInChromium('the page opens from disk, without a network, in light and in dark mode', async () => {
  expect((await run('a.safetensors', '--text', sentence, '--out', 'page.html')).code).toBe(0);
  const browser = await launchChromium({ args: ['--no-sandbox', '--disable-gpu'] });
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme });
      const troubles: string[] = [];
      page.on('console', (message) => troubles.push(message.text()));
      page.on('pageerror', (error) => troubles.push(error.message));
      page.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) troubles.push(request.url());
      });
      await page.goto(pathToFileURL(join(here.path, 'page.html')).href);
      expect(await page.locator('figure svg').count()).toBeGreaterThanOrEqual(12 + 5);
      const drawn = await page.evaluate(() =>
        [...document.querySelectorAll('figure svg')].every((svg) => svg.getBoundingClientRect().width > 100),
      );
      expect(drawn).toBe(true);
      expect(troubles).toEqual([]);
      await page.close();
    }
  } finally {
    await browser.close();
  }
});

describe('errors', () => {
  const long = 'x'.repeat(3);
  mkdirSync(here.path, { recursive: true });
  test.each<[string[], number, string]>([
    [['a.safetensors'], 2, 'missing --text or --csv'],
    [['a.safetensors', '--text', 'a', '--csv', 'rows.csv'], 2, '--text and --csv cannot be combined'],
    [['no.safetensors', '--text', long], 1, 'no.safetensors'],
    [['text.txt', '--text', long], 1, 'text.txt'],
    [['a.safetensors', '--text', ''], 1, '--text has 0 characters; at least 3 are needed'],
    [['a.safetensors', '--text', 'the \u2603 sea'], 1, 'does not know the character'],
    [['a.safetensors', '--text', '@no.txt'], 1, 'no.txt'],
    [['a.safetensors', '--csv', 'rows.csv'], 1, 'a.safetensors: this model reads characters, not numbers'],
    [['table.safetensors', '--text', 'abc'], 1, 'this model has no vocabulary'],
    [['table.safetensors', '--csv', 'text.txt'], 1, 'text.txt: the table has 1 columns'],
    [['a.safetensors', '--text', '@text.txt', '--steps', '1'], 2, '--steps must be an integer from 2'],
  ])('%j', async (args, code, message) => {
    const ended = await run(...args);
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(code);
  });

  test.each([
    ['a word', 'x,y\n1,2\n3,four\n5,6\n7,8\n', 'bad.csv, line 3, column "y" must be a number, got "four".'],
    ['a missing cell', 'x,y\n1,2\n3\n5,6\n', 'bad.csv: line 3 has 1 cells; the first line has 2.'],
    ['a cell too many', 'x,y\n1,2\n\n3,4,5\n5,6\n', 'bad.csv: line 4 has 3 cells; the first line has 2.'],
    ['semicolons', 'x;y\n1;2\n3;4\n5;6\n', 'Separate the columns by commas.'],
    ['too few rows', 'x,y\n1,2\n3,4\n\n', 'bad.csv: the table has 2 rows; at least 3 are needed.'],
  ])('a table with %s', async (_what, content, message) => {
    writeFileSync(join(here.path, 'bad.csv'), content);
    const ended = await run('table.safetensors', '--csv', 'bad.csv');
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(1);
  });
});
