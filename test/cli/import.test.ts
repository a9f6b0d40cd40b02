/** `unspool import`: what it recognizes, lists, writes and refuses. */
import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { UsageError } from '../../src/cli/command.js';
import { importCommand } from '../../src/cli/import.js';
import { fromPytorch } from '../../src/interop/imports/pytorch/index.js';
import { parseModel } from '../../src/interop/model-file.js';
import { rejected } from '../support/errors.js';
import { runHere, temporaryFolder } from './in-process.js';
import { folder, jsonLines, ROOT } from './support.js';

const here = temporaryFolder();
const fixture = (name: string): string => join(ROOT, 'test/interop/pytorch', name);
const run = (...args: string[]): Promise<string> => runHere(importCommand, ...args);

beforeAll(() => {
  for (const name of ['checkpoint.pt', 'mixed.pt']) copyFileSync(fixture(name), here.at(name));
});

describe('a model of PyTorch', () => {
  test('becomes a model file', async () => {
    const out = here.at('both.safetensors');
    const stdout = await run(here.at('checkpoint.pt'), '--out', out);
    const { spec, parameters, metadata } = parseModel(here.read('both.safetensors'));
    const imported = fromPytorch(here.read('checkpoint.pt'));
    expect(spec).toEqual(imported.spec);
    expect(parameters).toEqual(imported.parameters);
    expect(metadata).toEqual({ importedFrom: 'a PyTorch file (.pt)' });
    expect(stdout).toBe(
      `${here.at('checkpoint.pt')}: a PyTorch file (.pt)

  lstm  LSTM    4 -> 6, 2 layers, bidirectional
  head  Linear  12 -> 3

1,575 parameters, float32
The state dict is "model_state_dict" in the file.
A state dict does not contain functions without weights, such as ReLU. Assumed: lstm -> head.
${out}  ${here.read('both.safetensors').length.toLocaleString('en-US')} bytes
`,
    );
  });

  test('--list shows its layers, and why some are not supported', async () => {
    expect(await run(here.at('mixed.pt'), '--list')).toBe(
      `${here.at('mixed.pt')}: a PyTorch file (.pt)

  conv  Conv1d     weight [3, 2, 3], bias [3]  not supported: Unspool has no convolution layer.
  norm  BatchNorm  weight [3], bias [3], running_mean [3], ...  not supported: Unspool has no batch normalization.
  gru   GRU        weight_ih_l0 [12, 3], weight_hh_l0 [12, 4], bias_ih_l0 [12], ...  not supported: a GRU has three gates, an LSTM four.
  lstm  LSTM       4 -> 5
  ln    LayerNorm  weight [5], bias [5]  not supported: Unspool has no normalization layer.
  head  Linear     5 -> 2
`,
    );
    expect(here.has('mixed.safetensors')).toBe(false);
    const [contents] = jsonLines(await run(here.at('mixed.pt'), '--list', '--json'));
    expect(contents).toMatchObject({ kind: 'contents', format: 'a PyTorch file (.pt)' });
    expect(contents!.layers).toHaveLength(6);
  });

  test('--node imports a part, and the others are listed as such', async () => {
    const out = here.at('part.safetensors');
    const args = [here.at('mixed.pt'), '--node', 'lstm', '--out', out];
    expect(await run(...args)).toMatch(/^ {2}head {2}Linear {5}5 -> 2 {2}not imported$/m);
    const [imported, file] = jsonLines(await run(...args, '--force', '--json'));
    expect(imported).toMatchObject({ kind: 'import', precision: 'float32', parameters: 220 });
    expect((imported!.layers as { used: boolean }[]).filter(({ used }) => used)).toHaveLength(1);
    expect(file).toEqual({ kind: 'file', file: out, bytes: here.read('part.safetensors').length });
  });
});

describe('exit codes and the name of the model', () => {
  const shell = folder();

  test('0 and 1: nothing is written if a layer cannot be imported', async () => {
    for (const name of ['checkpoint.pt', 'mixed.pt']) copyFileSync(fixture(name), join(shell.path, name));
    await shell.ok('import', 'checkpoint.pt');
    const { code, stderr } = await shell.run('import', 'mixed.pt');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^unspool import: mixed\.pt: 4 of 6 layers cannot be imported\.\n {2}conv \(Conv1d\): /);
    expect(shell.files()).toEqual(['checkpoint.pt', 'checkpoint.safetensors', 'mixed.pt', 'text.txt']);
  });
});

describe('an error', () => {
  const usageError = async (...args: string[]): Promise<string> => {
    const error = await run(...args).catch((thrown: unknown) => thrown);
    if (error instanceof UsageError) return error.message;
    throw new Error(`expected a UsageError, got ${error}`);
  };

  test('a file that exists, or is the imported one', async () => {
    const source = here.at('checkpoint.pt');
    const out = here.write('mine.safetensors', 'mine');
    expect(await usageError(source, '--out', out)).toMatch(/mine\.safetensors already exists\. Use --force/);
    symlinkSync('checkpoint.pt', here.at('link.pt'));
    expect(await usageError(source, '--force', '--out', here.at('link.pt'))).toMatch(
      /would overwrite the imported file/,
    );
    expect(here.read('mine.safetensors').toString()).toBe('mine');
  });

  test('options that do not fit', async () => {
    expect(await usageError(here.at('mixed.pt'), '--list', '--node', 'lstm')).toMatch(/--node cannot be combined/);
    expect(await usageError(here.at('mixed.pt'), '--list', '--out', 'x')).toMatch(/--out cannot be combined/);
  });

  test.each<[name: string, content: string | Uint8Array, says: RegExp]>([
    ['a.txt', 'Call me Ishmael.', /it is plain text, not a model/],
    ['a.zip', Uint8Array.from('PK\x03\x04 and more', (c) => c.charCodeAt(0)), /it is a zip archive, not a model/],
    ['a.pkl', Uint8Array.of(0x80, 2, 0x4e, 0x2e), /a pickle is a program, which is not run/],
    ['a.bin', Uint8Array.of(255, 0, 3), /too short|truncated/],
    ['a.empty', '', /it is empty/],
  ])('%s', async (name, content, says) => {
    const error = await rejected(() => run(here.write(name, content)));
    expect(error).toMatchObject({ code: 'INVALID_FILE' });
    expect(error.message).toMatch(says);
  });

  test('a model of Unspool, and a file that is missing', async () => {
    expect((await rejected(() => run(fixture('tokens.safetensors')))).message).toMatch(/already a model of Unspool/);
    expect((await rejected(() => run(here.at('none.pt')))).code).toBe('FILE_ACCESS');
  });
});
