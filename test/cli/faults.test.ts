/** Invalid input: the message names the file or setting, the exit code is right, and no file is damaged. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, folder, TINY } from './support.js';

const here = folder();
const hashes = (): string[] =>
  here
    .files()
    .filter((name) => name !== 'folder')
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

test('after all these errors no file has changed, and no lock or temporary file is left', () => {
  expect(hashes()).toEqual(before);
});
