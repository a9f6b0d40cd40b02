/** The commands with valid input: what they print and what they save. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { folder, jsonLines, MAIN, ROOT, start, TINY } from './support.js';

const here = folder();

beforeAll(async () => {
  await here.ok('train', 'text.txt', ...TINY, '--max-updates', '30', '--quiet');
});

describe('train', () => {
  test('saves a model and a checkpoint, and leaves no other files', () => {
    expect(here.files()).toEqual(['model.checkpoint.safetensors', 'model.safetensors', 'text.txt']);
  });

  test('the same seed gives the same bytes, another seed gives different ones', async () => {
    await Promise.all([
      here.ok('train', 'text.txt', ...TINY, '--max-updates', '30', '--out', 'sub/again.safetensors', '--quiet'),
      here.ok(
        'train',
        'text.txt',
        ...TINY,
        '--max-updates',
        '30',
        '--out',
        'other.safetensors',
        '--seed',
        '4',
        '--quiet',
      ),
    ]);
    expect(here.read('sub/again.safetensors')).toEqual(here.read('model.safetensors'));
    expect(here.read('sub/again.checkpoint.safetensors')).toEqual(here.read('model.checkpoint.safetensors'));
    expect(here.read('other.safetensors')).not.toEqual(here.read('model.safetensors'));
  });

  test('--json prints one object per line, of every kind of event', async () => {
    const args = ['--epochs', '2', '--validate-every', '20', '--json', '--out', 'json.safetensors'];
    const lines = jsonLines(await here.ok('train', 'text.txt', ...TINY, ...args));
    const kinds = new Set(lines.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['end', 'epoch', 'result', 'start', 'update', 'validation']);
    const steps = lines.filter(({ kind }) => kind === 'update');
    const planned = lines[0]!.updates as number;
    expect(steps.map(({ update }) => update)).toEqual(Array.from({ length: planned }, (_, i) => i + 1));
    expect(lines.at(-1)).toMatchObject({ kind: 'result', updates: planned, file: 'json.safetensors' });
    const { validationLoss, validationBitsPerCharacter, baselines } = lines.at(-1)!;
    expect(validationBitsPerCharacter).toBeCloseTo((validationLoss as number) / Math.LN2, 12);
    expect(baselines).toMatchObject([{ order: 1 }, { order: 2 }, { order: 5 }]);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss as number);
  });

  test('--quiet prints nothing', async () => {
    const ended = await here.run(
      'train',
      'text.txt',
      ...TINY,
      '--max-updates',
      '3',
      '--out',
      'q.safetensors',
      '--quiet',
    );
    expect(ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  test('without a terminal, it prints plain lines without control characters', async () => {
    const stdout = await here.ok('train', 'text.txt', ...TINY, '--max-updates', '12', '--out', 'plain.safetensors');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f█░]/);
    expect(stdout).toMatch(/^text\.txt: [\d,]+ characters for training, [\d,]+ for validation, \d+ different ones\.$/m);
    expect(stdout).toMatch(
      /^update 1\/12 {2}loss \d+\.\d{3} {2}\d+\.\d{3} bits\/char {2}[\d,]+ chars\/s {2}\d:\d\d left$/m,
    );
    expect(stdout).toMatch(/^update 12\/12 .* 0:00 left$/m);
    expect(stdout).toMatch(/^ {2}5-gram \(Kneser-Ney\) {3}\d\.\d{3}\n {2}this LSTM {13}\d\.\d{3}$/m);
    expect(stdout).toContain('Saved plain.safetensors.');
  });

  test('flags override the config file, which overrides the defaults', async () => {
    here.write(
      'config.json',
      JSON.stringify({ hiddenSize: 6, embeddingSize: 5, batchSize: 2, steps: 8, lstm: { bias: false } }),
    );
    const args = [
      '--config',
      'config.json',
      '--embedding-size',
      '3',
      '--max-updates',
      '1',
      '--json',
      '--out',
      'c.safetensors',
    ];
    const [first] = jsonLines(await here.ok('train', 'text.txt', ...args));
    expect(first!.settings).toMatchObject({ hiddenSize: 6, embeddingSize: 3, layers: 1, optimizer: 'adam' });
    const [info] = jsonLines(await here.ok('info', 'c.safetensors', '--json'));
    const parameters = (info!.parameters as { name: string }[]).map(({ name }) => name);
    expect(parameters).toContain('lstm.weight_ih_l0');
    expect(parameters.filter((name) => name.startsWith('lstm.bias'))).toEqual([]);
  });
});

/** Moves to the beginning of the line and clears it. */
const REDRAW = '\r\x1b[2K';
const hasScript = spawnSync('script', ['--version']).status === 0;

describe('in a terminal', () => {
  if (!hasScript) console.warn('skipped: making a terminal needs the program `script` (util-linux)');

  (hasScript ? test : test.skip).each([80, 50, 20])('the progress bar fits into %i columns', async (columns) => {
    const train = `${process.execPath} ${MAIN} train text.txt ${TINY.join(' ')} --max-updates 60 --force --out bar.safetensors`;
    const args = ['-qec', `stty cols ${columns} rows 24; ${train}`, '/dev/null'];
    const { code, stdout } = await start(here.path, args, 'script', []).ended;
    expect(code).toBe(0);
    const [before, ...drawn] = stdout.split(REDRAW);
    expect(before).toMatch(/updates planned\.\r?\n$/);
    expect(drawn.length).toBeGreaterThan(2);
    expect(drawn.at(-1)).toMatch(/^\r?\n60 updates in/); // the bar is gone
    const bars = drawn.slice(0, -1);
    for (const bar of bars) expect([...bar].length).toBeLessThan(columns);
    expect(bars[0]).toMatch(columns === 80 ? /^epoch 1\/1 █*░+ +\d+% {2}loss/ : /^epoch 1\/1/);
    if (columns === 80) expect(bars.at(-1)).toMatch(/ █+ 100% /);
  });
});

describe('sample', () => {
  test('continues the prompt by --length characters, the same for the same seed', async () => {
    const args = ['sample', 'model.safetensors', '--prompt', 'the whale', '--length', '40'];
    const [a, b, other] = await Promise.all([here.ok(...args), here.ok(...args), here.ok(...args, '--seed', '2')]);
    expect(a).toMatch(/^the whale/);
    expect([...a]).toHaveLength('the whale'.length + 40 + 1);
    expect(b).toBe(a);
    expect(other).not.toBe(a);
  });

  test('a checkpoint writes the same as its model; --json has the prompt and the text', async () => {
    const args = ['--prompt', 'a', '--length', '20', '--json'];
    const [model, checkpoint] = await Promise.all([
      here.ok('sample', 'model.safetensors', ...args),
      here.ok('sample', 'model.checkpoint.safetensors', ...args),
    ]);
    expect(checkpoint).toBe(model);
    const [line] = jsonLines(model);
    expect(line).toMatchObject({ kind: 'sample', prompt: 'a' });
    expect(line!.text).toHaveLength(20);
  });

  test('without a prompt, it continues a context of the training text, also of a text without line breaks', async () => {
    const text = 'The cat sat on the mat, and the dog lay on the rug. '.repeat(60).trim();
    here.write('line.txt', text);
    const train = ['train', 'line.txt', ...TINY, '--hidden-size', '24', '--lr', '0.02', '--epochs', '30'];
    const trained = await here.ok(...train, '--out', 'line.safetensors');
    const lines = jsonLines(await here.ok('info', 'line.safetensors', '--json'));
    const { context } = lines[0]!.metadata as { context: string };
    expect(text).toContain(context);
    expect(context).toMatch(/rug\. $/);
    const cold = ['sample', 'line.safetensors', '--temperature', '0', '--length', '80', '--json'];
    const [sample] = jsonLines(await here.ok(...cold));
    expect(sample).toMatchObject({ prompt: '', context });
    expect(sample!.text).toMatch(/^The cat sat /);
    expect(trained).toMatch(/The model writes:\n\nThe /);
  });

  test('temperature 0 and top-k 1 write the same text', async () => {
    const sample = (...more: string[]) =>
      here.ok('sample', 'model.safetensors', '--prompt', 's', '--length', '30', ...more);
    const [cold, one, warm] = await Promise.all([
      sample('--temperature', '0'),
      sample('--top-k', '1', '--seed', '9'),
      sample('--temperature', '1.5'),
    ]);
    expect(cold).toBe(one);
    expect(warm).not.toBe(cold);
  });
});

describe('eval', () => {
  test('measures the validation part like the training did', async () => {
    const [info] = jsonLines(await here.ok('info', 'model.safetensors', '--json'));
    const trained = (info!.metadata as { validationLoss: number }).validationLoss;
    // The training reads it in 4 streams of 8 steps. The number of streams decides which states are carried.
    const args = ['eval', 'model.safetensors', 'text.txt', '--validation-split', '0.1', '--batch-size', '4', '--json'];
    const [line] = jsonLines(await here.ok(...args));
    expect(line!.loss).toBeCloseTo(trained, 4);
    expect(line!.perplexity).toBeCloseTo(Math.exp(line!.loss as number), 10);
    expect(line!.bitsPerCharacter).toBeCloseTo((line!.loss as number) / Math.LN2, 10);
  });

  test('the text has the same figures as --json', async () => {
    const args = ['eval', 'model.safetensors', 'text.txt', '--batch-size', '2']; // at least ten windows
    const [words, [line]] = [await here.ok(...args), jsonLines(await here.ok(...args, '--json'))];
    expect(words).toContain(`loss                ${(line!.loss as number).toFixed(4)} nats per character`);
    expect(words).toContain(`bits per character  ${(line!.bitsPerCharacter as number).toFixed(4)}`);
    expect(words).toMatch(/^characters {10}[\d,]+ predicted$/m);
    const [low, high] = line!.bitsInterval as [number, number];
    expect(words).toContain(`   95 % interval ${low.toFixed(4)} to ${high.toFixed(4)}\n`);
    expect(words).toContain('No baseline: all of text.txt was tested.');
    expect(line!.baselines).toBeNull();
  });

  test('next to n-grams of the text before the tested part, as the training does', async () => {
    const args = ['eval', 'model.safetensors', 'text.txt', '--validation-split', '0.1'];
    const [words, [line]] = [await here.ok(...args), jsonLines(await here.ok(...args, '--json'))];
    const [one, two, five] = line!.baselines as { order: number; bits: number }[];
    expect([one!.order, two!.order, five!.order]).toEqual([1, 2, 5]);
    expect(words).toContain(`  5-gram (Kneser-Ney)   ${five!.bits.toFixed(3)}\n  this LSTM             `);
  });
});

describe('info', () => {
  test('a model: layers, parameters, vocabulary, metadata', async () => {
    const stdout = await here.ok('info', 'model.safetensors');
    expect(stdout).toMatch(/^model\.safetensors: model, [\d,]+ bytes, float32$/m);
    expect(stdout).toMatch(/^ {2}lstm {7}hiddenSize 8$/m);
    expect(stdout).toMatch(/^ {2}lstm\.weight_hh_l0 +\[32, 8\] +256$/m);
    expect(stdout).toMatch(/^Vocabulary: \d+ characters$/m);
    expect(stdout).toContain('"maxUpdates": 30');
    expect(stdout).not.toContain('--resume');
  });

  test('a checkpoint: its position, and how to continue', async () => {
    const stdout = await here.ok('info', 'model.checkpoint.safetensors');
    expect(stdout).toMatch(/: training checkpoint, /);
    expect(stdout).toContain('Saved after 30 updates, in epoch 1');
    expect(stdout).toContain('unspool train --resume model.checkpoint.safetensors');
  });

  test('--json has the position and the size of the file', async () => {
    const [line] = jsonLines(await here.ok('info', 'model.checkpoint.safetensors', '--json'));
    expect(line).toMatchObject({ kind: 'info', precision: 'float32', position: { update: 30, epoch: 1, batch: 30 } });
    expect(line!.bytes).toBe(here.read('model.checkpoint.safetensors').length);
  });
});

describe('gradcheck', () => {
  test('passes for the default model and for one of a config file', async () => {
    const [standard, own] = await Promise.all([
      here.ok('gradcheck'),
      here.ok('gradcheck', '--config', `${ROOT}/examples/gradcheck.json`, '--json'),
    ]);
    expect(standard).toMatch(/^embedding\.weight +44 /m);
    expect(standard).toMatch(/\npassed: largest relative error \d\.\de-\d+, tolerance 0?\.?\S+\n$/);
    expect(jsonLines(own)).toMatchObject([{ kind: 'gradcheck', passed: true }]);
  });

  test('fails with exit code 1 if the tolerance is out of reach', async () => {
    here.write('strict.json', JSON.stringify({ tolerance: 1e-30 }));
    const { code, stdout } = await here.run('gradcheck', '--config', 'strict.json');
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nFAILED: largest relative error /);
  });
});
