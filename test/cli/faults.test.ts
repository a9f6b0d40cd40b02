/** Invalid input: the message names the file or setting, the exit code is right, and no file is damaged. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, folder, TINY } from './support.js';

const here = folder();
const hashes = (): string[] =>
  here
    .files()
    .filter((name) => statSync(join(here.path, name)).isFile())
    .map((name) => `${name} ${createHash('sha256').update(here.read(name)).digest('hex')}`);

const trainOn = (text: string, ...more: string[]): string[] => {
  return ['train', text, ...TINY, '--out', 'new.safetensors', ...more];
};
const train = (...more: string[]): string[] => trainOn('text.txt', ...more);

interface Fault {
  /** What is wrong with the command line. */
  readonly why: string;
  readonly args: readonly string[];
  readonly code: 1 | 2;
  /** The whole of stderr, without "unspool COMMAND: " and, for a wrong command line, the usage line. */
  readonly message: RegExp;
}

const fault = (why: string, args: readonly string[], code: 1 | 2, message: RegExp): Fault => ({
  why,
  args,
  code,
  message,
});

const TEXTS = [
  fault('a missing text', trainOn('no.txt'), 1, /^no\.txt: cannot be read: no such file or folder \(ENOENT\)/),
  fault('a folder', trainOn('folder'), 1, /^folder: cannot be read \(EISDIR\)\.? Name a file, not a folder\.$/),
  fault('an empty text', trainOn('empty.txt'), 1, /^empty\.txt: the file is empty\. Give a text file\.$/),
  fault('a binary file', trainOn('zeros.bin'), 1, /^zeros\.bin: not a text file: it contains zero bytes\./),
  fault('a text that is not UTF-8', trainOn('latin1.txt'), 1, /^latin1\.txt: not UTF-8 text\. .*iconv/),
  ...['table.csv', 'table.txt', 'TABLE.TSV', 'spaces.dat'].map((file) =>
    fault(
      `a table, ${file}`,
      trainOn(file),
      1,
      new RegExp(`^${file}: this is a table( of 3 columns)?, not a text: .*createModel and fit.* --as-text\\.$`),
    ),
  ),
  fault('a list of numbers', trainOn('numbers.txt'), 1, /^numbers\.txt: this is a list of numbers, not a text: /),
  ...['data.json', 'data.txt', 'lines.txt'].map((file) =>
    fault(`JSON, ${file}`, trainOn(file), 1, new RegExp(`^${file}: this is JSON, not a text: .* --as-text\\.$`)),
  ),
  fault(
    'a text that is too short',
    trainOn('short.txt'),
    1,
    /^short\.txt: \d+ characters are too few for 4 streams of 8 steps \(at least 33\)\. Give more text, or a smaller/,
  ),
  fault(
    'an unknown character in a prompt',
    ['sample', 'model.safetensors', '--prompt', 'the é'],
    1,
    /^prompt: the model does not know the character "é" \(character 5 of the text\)\. It knows white space and abc/,
  ),
  fault(
    'an unknown character in a text to measure on',
    ['eval', 'model.safetensors', 'foreign.txt'],
    1,
    /^foreign\.txt: the model does not know the character "ж"/,
  ),
];

const SIZES = [
  ...['hidden-size', 'batch-size', 'steps', 'layers', 'embedding-size'].flatMap((name) => [
    fault(
      `--${name} 0`,
      train(`--${name}`, '0'),
      2,
      new RegExp(`^--${name} must be an integer from 1 to \\d+, got 0\\.$`),
    ),
    fault(`--${name} 1e9`, train(`--${name}`, '1e9'), 2, new RegExp(`^--${name} must be .*, got 10{9}\\.$`)),
  ]),
  fault('a negative size', train('--hidden-size', '-3'), 2, /^--hidden-size must be an integer from 1 .*, got -3\.$/),
  fault('a negative size after =', train('--hidden-size=-3'), 2, /^--hidden-size must be .*, got -3\.$/),
  fault('a fraction as size', train('--hidden-size', '2.5'), 2, /^--hidden-size must be an integer .*, got 2\.5\.$/),
  fault('a word as size', train('--hidden-size', 'many'), 2, /^--hidden-size must be an integer .*, got "many"\.$/),
  fault('an empty number', train('--lr', ''), 2, /^--lr must be a number of at least 0, got ""\.$/),
  fault(
    'a model that does not fit in memory',
    train('--hidden-size', '1e6'),
    2,
    /^model needs at least [\d,]+ GiB of memory to train; this machine has .* Lower --hidden-size, /,
  ),
  fault(
    'nothing left to train on',
    train('--validation-split', '1'),
    2,
    /^--validation-split must be a number from 0 to 0\.99, got 1\.$/,
  ),
  fault(
    'an unknown precision',
    train('--precision', 'half'),
    2,
    /^--precision must be "float32" or "float64", got "half"\.$/,
  ),
  fault('an unknown optimizer', train('--optimizer', 'lyon'), 2, /^optimizer\b.*'adadelta', .*, got "lyon".*lion/),
  fault('an unknown schedule', train('--schedule', 'cosin'), 2, /^schedule\b.*"cosin".*\bcosine\b/),
  fault(
    'eval without streams',
    ['eval', 'model.safetensors', 'text.txt', '--batch-size', '0'],
    2,
    /^--batch-size must be an integer from 1 to 1048576, got 0\.$/,
  ),
  fault(
    'sampling from no characters',
    ['sample', 'model.safetensors', '--top-k', '0'],
    2,
    /^--top-k must be an integer of at least 1, got 0\.$/,
  ),
  fault(
    'a negative length',
    ['sample', 'model.safetensors', '--length', '-1'],
    2,
    /^--length must be an integer of at least 0, got -1\.$/,
  ),
];

const COMMAND_LINE = [
  fault(
    'an option with a typo',
    train('--optimiser', 'adam'),
    2,
    /^unknown option --optimiser\. Did you mean --optimizer\?$/,
  ),
  fault(
    'an option unlike any other',
    train('--zzz'),
    2,
    /^unknown option --zzz\. Run unspool train --help for all options\.$/,
  ),
  fault('an option of Unspool 0.1', train('--max-steps', '8'), 2, /^--max-steps is now called --max-updates\.$/),
  fault('an option without its value', ['sample', 'model.safetensors', '--seed'], 2, /^--seed needs a value\.$/),
  fault(
    'an option instead of a value',
    ['sample', 'model.safetensors', '--prompt', '--json'],
    2,
    /^--prompt needs a value\. Write --prompt=VALUE if the value starts with a dash\.$/,
  ),
  fault('a value for a flag', ['info', '--json=yes'], 2, /^--json takes no value, got "yes"\.$/),
  fault('a missing text', ['train'], 2, /^missing TEXT: a UTF-8 text file, or --resume FILE\.$/),
  fault('a missing model', ['sample'], 2, /^missing MODEL: a model file or checkpoint\.$/),
  fault('an argument too many', ['info', 'model.safetensors', 'b'], 2, /^unexpected argument "b"\.$/),
  fault(
    'a typo in a config file',
    train('--config', 'key.json'),
    2,
    /^key\.json: unknown setting "optimiser"\. Did you mean "optimizer"\?$/,
  ),
  fault(
    'a setting of Unspool 0.1 in a config file',
    train('--config', 'old.json'),
    2,
    /^old\.json: unknown setting "batch"\. It is now called "batchSize"\.$/,
  ),
  fault('a config file that is not JSON', train('--config', 'text.txt'), 1, /^text\.txt: not valid JSON: /),
  fault('a config file with a list', train('--config', 'list.json'), 1, /^list\.json: expected one JSON object /),
  fault(
    'a value of the wrong type in a config file',
    train('--config', 'lstm.json'),
    2,
    /^lstm\.json: lstm must be an object, got 5\.$/,
  ),
  fault(
    'a value out of range in a config file',
    train('--config', 'range.json'),
    2,
    /^range\.json: layers must be an integer from 1 to 1000, got 0\.$/,
  ),
  fault('an unknown layer setting', train('--config', 'layer.json'), 2, /^layers\[1\]\.hidenSize: unknown setting\./),
];

const OUT = [
  fault(
    'a model that exists',
    ['train', 'text.txt'],
    2,
    /^model\.safetensors already exists\. Use --force to overwrite it\.$/,
  ),
  fault(
    'a checkpoint that can be resumed',
    ['train', 'text.txt', '--out', 'half.safetensors'],
    2,
    /^half\.checkpoint\.safetensors already exists\. Use --resume half\.check\S+ to continue .*, or --force to start over\.$/,
  ),
  fault('a folder', train('--out', 'folder', '--force'), 1, /^folder: cannot be written \(EISDIR\)\.? Name a file/),
  fault(
    'a file as folder',
    train('--out', 'text.txt/m'),
    1,
    /^text\.txt\/m: cannot be written \(\w+\)\.? A part of the path/,
  ),
  ...[
    ['the text', 'text.txt'],
    ['a link to the text', 'link'],
    ['a hard link of the text', 'hard'],
    ['the text by another path', 'folder/../text.txt'],
  ].map(([why, out]) =>
    fault(
      why!,
      train('--out', out!, '--force'),
      2,
      /^--out would overwrite the text, text\.txt(, which is .*)?\. Choose/,
    ),
  ),
  fault(
    'a model whose checkpoint would replace the text',
    ['train', 't.checkpoint.safetensors', ...TINY, '--out', 't.safetensors', '--force'],
    2,
    /^the checkpoint of --out would overwrite the text, t\.checkpoint\.safetensors\. Choose another place\.$/,
  ),
  fault(
    'a model whose lock would replace the text',
    ['train', 't.safetensors.lock', ...TINY, '--out', 't.safetensors', '--force'],
    2,
    /^the lock of --out would overwrite the text, t\.safetensors\.lock\. Choose another place\.$/,
  ),
  fault(
    'the config file',
    train('--config', 'key.json', '--out', 'key.json', '--force'),
    2,
    /^--out would overwrite the config file, key\.json\. Choose another place\.$/,
  ),
  fault(
    'the checkpoint to resume',
    ['train', '--resume', 'half.checkpoint.safetensors', '--out', './half.checkpoint.safetensors', '--force'],
    2,
    /^--out would overwrite the checkpoint, half\.checkpoint\.safetensors, which is \.\/half.*\. Choose/,
  ),
  fault(
    'a page over its model',
    ['inspect', 'model.safetensors', '--text', 'the whale', '--out', './model.safetensors'],
    2,
    /^--out would overwrite the model, model\.safetensors, which is \.\/model\.safetensors\. Choose/,
  ),
  fault(
    'a page over another model',
    ['inspect', 'model.safetensors', '--text', 'the whale', '--out', 'half.checkpoint.safetensors'],
    2,
    /^--out would overwrite a model, half\.checkpoint\.safetensors\. Choose another place\.$/,
  ),
  fault('a pipe', train('--out', 'pipe', '--force'), 1, /^pipe: cannot be written: it is a pipe \(NOT_A_FILE\)/),
  fault('a link to a pipe', train('--out', 'to-pipe', '--force'), 1, /^to-pipe: cannot be written: it is a pipe/),
  fault(
    'a page into a pipe',
    ['inspect', 'model.safetensors', '--text', 'the whale', '--out', 'pipe'],
    1,
    /^pipe: cannot be written: it is a pipe/,
  ),
  fault('no name', train('--out='), 1, /^: cannot be written: no such file/),
  fault('a name that ends in a slash', train('--out', 'new/'), 1, /^new\/: cannot be written \(EISDIR\)/),
  fault('a place in /proc', train('--out', '/proc/m.safetensors'), 1, /^\/proc\/m\.safetensors: cannot be written/),
];

let before: string[];

beforeAll(async () => {
  await here.ok('train', 'text.txt', ...TINY, '--max-updates', '2', '--quiet');
  mkdirSync(join(here.path, 'folder'));
  here.write('half.checkpoint.safetensors', here.read('model.checkpoint.safetensors'));
  here.write('empty.txt', '');
  here.write('zeros.bin', new Uint8Array(5000));
  here.write('latin1.txt', Buffer.from('Ein Käse '.repeat(200), 'latin1'));
  here.write('short.txt', 'the whale the whale');
  const rows = Array.from({ length: 99 }, (_, t) => [t, Math.sin(t).toFixed(3), t % 2 ? 'on' : 'off']);
  const table = (separator: string): string => ['t,x,state', ...rows.map((row) => row.join(separator))].join('\n');
  here.write('table.csv', 'the whale and the sea\n'.repeat(99)); // by its name
  here.write('table.txt', table(','));
  here.write('TABLE.TSV', table('\t'));
  here.write('spaces.dat', table('   '));
  here.write('numbers.txt', rows.map(([, x]) => x).join('\r\n'));
  here.write('data.json', JSON.stringify(rows));
  here.write('data.txt', JSON.stringify({ rows }, null, 2));
  here.write('lines.txt', rows.map((row) => JSON.stringify(row)).join('\n'));
  here.write('t.checkpoint.safetensors', here.read('text.txt'));
  here.write('t.safetensors.lock', here.read('text.txt'));
  symlinkSync('text.txt', join(here.path, 'link'));
  linkSync(join(here.path, 'text.txt'), join(here.path, 'hard'));
  execFileSync('mkfifo', [join(here.path, 'pipe')]);
  symlinkSync('pipe', join(here.path, 'to-pipe'));
  here.write('foreign.txt', 'кит и море '.repeat(20).replace('к', 'ж'));
  here.write('key.json', '{"optimiser": "adam"}');
  here.write('old.json', '{"batch": 8}');
  here.write('range.json', '{"layers": 0}');
  here.write('list.json', '[]');
  here.write('lstm.json', '{"lstm": 5}');
  here.write('layer.json', '{"lstm": {"hidenSize": 5}}');
  before = hashes();
});

describe.each([
  ['texts', TEXTS],
  ['sizes and settings', SIZES],
  ['command line and config file', COMMAND_LINE],
  ['where the model goes', OUT],
])('%s', (_group, faults) => {
  let ended: Ended[];

  beforeAll(async () => {
    ended = [];
    for (let i = 0; i < faults.length; i += 3) {
      ended.push(...(await Promise.all(faults.slice(i, i + 3).map(({ args }) => here.run(...args)))));
    }
  });

  test.each(faults.map((f, i) => [f.why, f, i] as const))('%s', (_why, { args, code, message }, i) => {
    const { stderr, ...rest } = ended[i]!;
    expect(rest).toEqual({ code, signal: null, stdout: '' });
    const [start, usage, ...more] = stderr.split(/\n(?:Usage: unspool \w+ .*\n$)?/);
    expect(start!.slice(0, `unspool ${args[0]}: `.length)).toBe(`unspool ${args[0]}: `);
    expect(start!.slice(`unspool ${args[0]}: `.length)).toMatch(message);
    expect([usage, ...more]).toEqual(['']); // one line, and the usage after a wrong command line
  });
});

test('an unknown command is an error, and no command shows the help', async () => {
  const [unknown, none] = await Promise.all([here.run('trian'), here.run()]);
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toMatch(
    /^unspool: unknown command "trian"\. Did you mean "train"\? Commands: train, sample, eval, info, .*, lab compare\.\n$/,
  );
  expect(none).toMatchObject({ code: 2, stderr: '' });
  expect(none.stdout).toContain('unspool COMMAND --help');
});

describe('numbers that overflow', () => {
  test('the error names the update, the tensor and the last good checkpoint, which is good', async () => {
    const own = folder();
    const args = ['text.txt', ...TINY, '--checkpoint-every', '1', '--lr', '1e30', '--clip-norm', '0'];
    const { code, stderr } = await own.run('train', ...args);
    expect(code).toBe(1);
    const named = /^unspool train: update (\d+): .+ of layer \S+ became (?:NaN|-?Infinity) at time step \d+, row \d+/;
    const update = Number(named.exec(stderr)?.[1]);
    expect(update).toBeGreaterThan(1);
    expect(stderr).toMatch(/ Lower the learning rate, /);
    expect(stderr).toContain(
      ` The last good checkpoint, model.checkpoint.safetensors, is from update ${update - 1}.\n`,
    );
    expect(own.files()).toEqual(['model.checkpoint.safetensors', 'text.txt']);
    expect(await own.ok('info', 'model.checkpoint.safetensors')).toContain(`Saved after ${update - 1} updates`);
  });

  test('without a checkpoint, the error mentions that none was saved', async () => {
    const { code, stderr } = await here.run(...train('--lr', '1e30', '--clip-norm', '0', '--quiet'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/ No checkpoint has been saved\.\n$/);
  });
});

test('--as-text trains on a table as if it were a text', async () => {
  const own = folder();
  own.write('table.csv', here.read('table.txt'));
  await own.ok('train', 'table.csv', ...TINY, '--as-text', '--max-updates', '2', '--quiet');
  expect(await own.ok('eval', 'model.safetensors', 'table.csv')).toContain('bits per character');
});

test('after all these errors no file has changed, and no lock or temporary file is left', () => {
  expect(hashes()).toEqual(before);
});
