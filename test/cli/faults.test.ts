/** What is wrong is said, with the name of the file or setting; the exit code tells whose fault it is; nothing is damaged. */
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
  readonly name: string;
  readonly args: readonly string[];
  readonly code: 1 | 2;
  /** The whole of stderr, without "unspool COMMAND: " and, for exit code 2, the usage line. */
  readonly says: RegExp;
}

const fault = (name: string, args: readonly string[], code: 1 | 2, says: RegExp): Fault => ({ name, args, code, says });

const TEXTS = [
  fault('a missing text', trainOn('no.txt'), 1, /^no\.txt: cannot be read: no such file or folder \(ENOENT\)/),
  fault('a folder', trainOn('folder'), 1, /^folder: cannot be read \(EISDIR\)\.? Name a file, not a folder\.$/),
  fault('an empty text', trainOn('empty.txt'), 1, /^empty\.txt: the file is empty\. Give a text file\.$/),
  fault('a binary file', trainOn('zeros.bin'), 1, /^zeros\.bin: this is no text: it has zero bytes\./),
  fault('a text that is not UTF-8', trainOn('latin1.txt'), 1, /^latin1\.txt: this is no UTF-8 text\. .*iconv/),
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
  ...['hidden', 'batch-size', 'steps', 'layers', 'embedding'].flatMap((name) => [
    fault(
      `--${name} 0`,
      train(`--${name}`, '0'),
      2,
      new RegExp(`^${name.replace('-s', 'S')}: should be .* at least 1, but is 0\\.$`),
    ),
    fault(
      `--${name} 1e9`,
      train(`--${name}`, '1e9'),
      2,
      new RegExp(`${{ embedding: 'width', 'batch-size': 'batch' }[name] ?? name}.*\\b10{9}\\.`),
    ),
  ]),
  fault(
    '--hidden-size -3',
    train('--hidden-size', '-3'),
    2,
    /^--hidden-size needs a value; one that .* written --hidden-size=-VALUE\.$/,
  ),
  fault(
    '--hidden-size=-3',
    train('--hidden-size=-3'),
    2,
    /^hidden: should be a whole number of at least 1, but is -3\.$/,
  ),
  fault('--hidden-size 2.5', train('--hidden-size', '2.5'), 2, /^--hidden-size needs a whole number, not "2\.5"\.$/),
  fault('--hidden-size many', train('--hidden-size', 'many'), 2, /^--hidden-size needs a whole number, not "many"\.$/),
  fault('--lr ""', train('--lr', ''), 2, /^--lr needs a number, not ""\.$/),
  fault(
    'more than fits',
    train('--hidden-size', '1e6'),
    2,
    /^size: training this would take at least [\d,]+ GiB of memory; this /,
  ),
  fault(
    '--validation-split 1',
    train('--validation-split', '1'),
    2,
    /^validationSplit must be a number from 0 to 0\.99, got 1\.$/,
  ),
  fault(
    '--precision',
    train('--precision', 'half'),
    2,
    /^precision: "half" is no precision\. Use float32 or float64\.$/,
  ),
  fault('--optimizer', train('--optimizer', 'lyon'), 2, /^optimizer: "lyon" is no optimizer\. Use one of adadelta, /),
  fault(
    'eval --batch-size 0',
    ['eval', 'model.safetensors', 'text.txt', '--batch-size', '0'],
    2,
    /^batchSize: should be at least 1\.$/,
  ),
  fault('sample --top-k 0', ['sample', 'model.safetensors', '--top-k', '0'], 2, /^topK must be an integer from 1/),
];

const COMMAND_LINE = [
  fault('an unknown option', train('--hiden', '8'), 2, /^Unknown option '--hiden'\.$/),
  fault(
    'an option without its value',
    ['sample', 'model.safetensors', '--seed'],
    2,
    /^Option '--seed.*' argument missing\.$/,
  ),
  fault('a missing text', ['train'], 2, /^TEXT is missing: a UTF-8 text file, or --resume FILE\.$/),
  fault('a missing model', ['sample'], 2, /^MODEL is missing: a model file or checkpoint\.$/),
  fault('a word too many', ['info', 'model.safetensors', 'b'], 2, /^"b" is one word too many\.$/),
  fault(
    'a config file with an unknown key',
    train('--config', 'key.json'),
    2,
    /^key\.json: hiden is no known setting\./,
  ),
  fault('a config file that is no JSON', train('--config', 'text.txt'), 1, /^text\.txt: this is no JSON: /),
  fault('a config file of a list', train('--config', 'list.json'), 1, /^list\.json: it should hold one JSON object\.$/),
  fault('a wrong type in a config file', train('--config', 'lstm.json'), 2, /^lstm: should be an object, but is 5\.$/),
  fault('a wrong layer setting', train('--config', 'layer.json'), 2, /^layers\[1\]\.hidenSize: unknown setting\./),
];

const OUT = [
  fault(
    'a model that is there',
    ['train', 'text.txt'],
    2,
    /^model\.safetensors is there already; --force overwrites it\.$/,
  ),
  fault(
    'a training that could be gone on with',
    ['train', 'text.txt', '--out', 'half.safetensors'],
    2,
    /^half\.checkpoint\.safetensors is there already; --resume half\.check\S+ goes on with it, --force begins anew\.$/,
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
  here.write('key.json', '{"hiden": 8}');
  here.write('list.json', '[]');
  here.write('lstm.json', '{"lstm": 5}');
  here.write('layer.json', '{"lstm": {"hidenSize": 5}}');
  before = hashes();
});

describe.each([
  ['texts', TEXTS],
  ['sizes and settings', SIZES],
  ['the command line', COMMAND_LINE],
  ['where the model goes', OUT],
])('%s', (_group, faults) => {
  let ended: Ended[];

  beforeAll(async () => {
    ended = [];
    for (let i = 0; i < faults.length; i += 3) {
      ended.push(...(await Promise.all(faults.slice(i, i + 3).map(({ args }) => here.run(...args)))));
    }
  });

  test.each(faults.map((f, i) => [f.name, f, i] as const))('%s', (_name, { args, code, says }, i) => {
    const { stderr, ...rest } = ended[i]!;
    expect(rest).toEqual({ code, signal: null, stdout: '' });
    const [start, usage, ...more] = stderr.split(/\n(?:Usage: unspool \w+ .*\n$)?/);
    expect(start!.slice(0, `unspool ${args[0]}: `.length)).toBe(`unspool ${args[0]}: `);
    expect(start!.slice(`unspool ${args[0]}: `.length)).toMatch(says);
    expect([usage, ...more]).toEqual(['']); // one line, and for a wrong command line its usage
  });
});

test('unknown commands, and none at all', async () => {
  const [unknown, none] = await Promise.all([here.run('trian'), here.run()]);
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toMatch(
    /^unspool: there is no command "trian"\. Known: train, sample, eval, gradcheck, lab, inspect, info\.\n$/,
  );
  expect(none).toMatchObject({ code: 2, stderr: '' });
  expect(none.stdout).toContain('unspool COMMAND --help');
});

describe('numbers that explode', () => {
  test('the step, the tensor and the last good checkpoint are named, and the checkpoint is good', async () => {
    const own = folder();
    const args = ['text.txt', ...TINY, '--checkpoint-every', '1', '--lr', '1e30', '--clip-norm', '0'];
    const { code, stderr } = await own.run('train', ...args);
    expect(code).toBe(1);
    const named = /^unspool train: update (\d+): .+ of layer \S+ became (?:NaN|-?Infinity) at time step \d+, row \d+/;
    const step = Number(named.exec(stderr)?.[1]);
    expect(step).toBeGreaterThan(1);
    expect(stderr).toMatch(/ Lower the learning rate, /);
    expect(stderr).toContain(` The last good checkpoint, model.checkpoint.safetensors, is from update ${step - 1}.\n`);
    expect(own.files()).toEqual(['model.checkpoint.safetensors', 'text.txt']);
    expect(await own.ok('info', 'model.checkpoint.safetensors')).toContain(`Stands after ${step - 1} updates`);
  });

  test('where there is no checkpoint, that is said', async () => {
    const { code, stderr } = await here.run(...train('--lr', '1e30', '--clip-norm', '0', '--quiet'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/ No checkpoint has been saved\.\n$/);
  });
});

test('after all of this, every file is as it was, and no lock or temporary file is left', () => {
  expect(hashes()).toEqual(before);
});
