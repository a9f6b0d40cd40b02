/** Invalid command lines and settings: the message names the file or setting, the exit code is right, and no file is damaged. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { fault, hashesOf, testFaults, trainOn } from './faults.js';
import { folder, MAIN, start, TINY } from './support.js';

const here = folder();
const train = (...more: string[]): string[] => trainOn('text.txt', ...more);

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
  fault('a precision with a typo', train('--precision', 'flot64'), 2, / got "flot64"\. Did you mean "float64"\?$/),
  fault('an unknown optimizer', train('--optimizer', 'lyon'), 2, /^optimizer\b.*'adadelta', .*, got "lyon".*lion/),
  fault('an unknown schedule', train('--schedule', 'cosin'), 2, /^schedule\b.*"cosin"\. Did you mean "cosine"\?/),
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
  ...['--learning-rate', '--learningRate', '--learning_rate'].map((flag) =>
    fault(
      `${flag}, as the library calls it`,
      train(flag, '1'),
      2,
      new RegExp(`^unknown option ${flag}\\. Did you mean --lr\\?$`),
    ),
  ),
  ...[
    ['learningRate', 'lr'],
    ['units', 'hiddenSize'],
    ['epoch', 'epochs'],
    ['batch_size', 'batchSize'],
    ['validation', 'validationSplit'],
  ].map(([key, meant]) =>
    fault(
      `the setting ${key}`,
      train('--config', `${key}.json`),
      2,
      new RegExp(`^${key}\\.json: unknown setting "${key}"\\. Did you mean "${meant}"\\?$`),
    ),
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
  fault('a missing model', ['sample'], 2, /^missing MODEL: a run directory, model file or checkpoint\.$/),
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
    ['train', 'text.txt', '--out', 'model.safetensors'],
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
  here.write('t.checkpoint.safetensors', here.read('text.txt'));
  here.write('t.safetensors.lock', here.read('text.txt'));
  symlinkSync('text.txt', join(here.path, 'link'));
  linkSync(join(here.path, 'text.txt'), join(here.path, 'hard'));
  execFileSync('mkfifo', [join(here.path, 'pipe')]);
  symlinkSync('pipe', join(here.path, 'to-pipe'));
  here.write('key.json', '{"optimiser": "adam"}');
  for (const key of ['learningRate', 'units', 'epoch', 'batch_size', 'validation']) {
    here.write(`${key}.json`, JSON.stringify({ [key]: 1 }));
  }
  here.write('old.json', '{"batch": 8}');
  here.write('range.json', '{"layers": 0}');
  here.write('list.json', '[]');
  here.write('lstm.json', '{"lstm": 5}');
  here.write('layer.json', '{"lstm": {"hidenSize": 5}}');
  before = hashesOf(here);
});

describe.each([
  ['sizes and settings', SIZES],
  ['command line and config file', COMMAND_LINE],
  ['where the model goes', OUT],
])('%s', (_group, faults) => testFaults(here, faults));

test('an unknown command is an error, and no command shows the help', async () => {
  const [unknown, none] = await Promise.all([here.run('trian'), here.run()]);
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toMatch(
    /^unspool: unknown command "trian"\. Did you mean "train"\? Commands: train, .*, sample, eval, info, .*, lab compare\.\n$/,
  );
  expect(none).toMatchObject({ code: 2, stderr: '' });
  expect(none.stdout).toContain('unspool COMMAND --help');
});

// The learning rate is nearly the largest that Adam can multiply: sums overflow soon, whatever instructions compute them.
describe('numbers that overflow', () => {
  test('the error names the update, the tensor and the last good checkpoint, which is good', async () => {
    const own = folder();
    const args = ['text.txt', ...TINY, '--checkpoint-every', '1', '--lr', '3e37', '--clip-norm', '0'];
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
    const { code, stderr } = await here.run(...train('--lr', '3e37', '--clip-norm', '0', '--quiet'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/ No checkpoint has been saved\.\n$/);
  });
});

test('without a GPU, each reason is on its own line', async () => {
  const args = [
    'VK_DRIVER_FILES=/none',
    'VK_ICD_FILENAMES=/none',
    process.execPath,
    MAIN,
    ...train('--backend', 'gpu'),
  ];
  const { code, stderr } = await start(here.path, args, 'env', []).ended;
  expect(code).toBe(2);
  expect(stderr.slice(stderr.indexOf('unspool train:')).split('\n')).toEqual([
    'unspool train: backend: no GPU is available.',
    expect.stringMatching(/^backend gpu:webgpu: \S/),
    expect.stringMatching(/^backend gpu:webgl2: \S/),
    'Use auto, wasm or reference.',
    '',
  ]);
});

test('after all these errors no file has changed, and no lock or temporary file is left', () => {
  expect(hashesOf(here)).toEqual(before);
});
