/** `unspool export` in every format: what it writes, prints, replaces and refuses. */
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { UsageError } from '../../src/cli/command.js';
import { exportCommand } from '../../src/cli/export.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import { toOnnx } from '../../src/interop/exports/onnx.js';
import { toPytorch } from '../../src/interop/exports/pytorch.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { rejected } from '../support/errors.js';
import { runHere, temporaryFolder } from './in-process.js';
import { jsonLines } from './support.js';

const here = temporaryFolder();
const model = here.at('rnn.safetensors');

async function save(name: string, spec: ModelSpec): Promise<string> {
  const made = await createModel(spec, { backend: 'reference' });
  const file = here.write(name, await serializeModel(made));
  made.dispose();
  return file;
}

beforeAll(async () => {
  await save('rnn.safetensors', {
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: 20 },
      { kind: 'linear', size: 2 },
    ],
  });
});

const run = (...args: string[]): Promise<string> => runHere(exportCommand, ...args);
const usageError = async (...args: string[]): Promise<string> => {
  const error = await run(...args).catch((thrown: unknown) => thrown);
  if (error instanceof UsageError) return error.message;
  throw new Error(`expected a UsageError, got ${error}`);
};

describe('a format', () => {
  test('module: the code and its types', async () => {
    const stdout = await run(model, '--to', 'module', '--out', here.at('a.js'));
    const sizes = ['a.js', 'a.d.ts'].map((name) => here.read(name).length.toLocaleString('en-US'));
    expect(stdout).toContain(`${here.at('a.js')}  ${sizes[0]} bytes\n${here.at('a.d.ts')}  ${sizes[1]} bytes\n`);
    expect(stdout).toContain("import model from './a.js';");
    expect(here.read('a.js').toString()).toContain('export default model;');
    expect(here.read('a.d.ts').toString()).toContain('export default model;');
  });

  test('module: types of an .mjs file are in an .mts file, and small weights are smaller', async () => {
    await run(model, '--to', 'module', '--weights', 'int8', '--simd', '--out', here.at('b.mjs'));
    await run(model, '--to', 'module', '--simd', '--out', here.at('c.mjs'));
    expect(here.has('b.d.mts')).toBe(true);
    expect(here.read('b.mjs').length).toBeLessThan(here.read('c.mjs').length);
  });

  test('onnx, pytorch and json: what the functions return', async () => {
    const file = parseModel(here.read('rnn.safetensors'));
    await run(model, '--to', 'onnx', '--out', here.at('a.onnx'));
    expect(Buffer.from(toOnnx(file)).equals(here.read('a.onnx'))).toBe(true);
    const { weights, loader } = toPytorch(file, 'a.pt.safetensors');
    expect(await run(model, '--to', 'pytorch', '--out', here.at('a.pt.safetensors'))).toContain(`\n${loader}\n`);
    expect(Buffer.from(weights).equals(here.read('a.pt.safetensors'))).toBe(true);
    await run(model, '--to', 'json', '--out', here.at('a.json'));
    const { spec, parameters } = JSON.parse(here.read('a.json').toString());
    expect(spec).toEqual(file.spec);
    expect(parameters['head.bias'].data).toEqual([...file.parameters.get('head.bias')!]);
  });

  test('--json prints the files, --quiet nothing', async () => {
    const out = here.at('d.onnx');
    expect(jsonLines(await run(model, '--to', 'onnx', '--json', '--out', out))).toEqual([
      { kind: 'file', file: out, bytes: here.read('d.onnx').length },
    ]);
    expect(await run(model, '--to', 'onnx', '--quiet', '--force', '--out', out)).toBe('');
  });
});

describe('a file that exists', () => {
  test('is replaced by --force only, and both files of a module are checked first', async () => {
    here.write('types.d.ts', 'mine');
    const out = here.at('types.js');
    expect(await usageError(model, '--to', 'module', '--out', out)).toMatch(
      /types\.d\.ts already exists\. Use --force/,
    );
    expect(here.has('types.js')).toBe(false);
    expect(here.read('types.d.ts').toString()).toBe('mine');
    await run(model, '--to', 'module', '--out', out, '--force');
    expect(here.read('types.d.ts').toString()).not.toBe('mine');
  });

  test('stays a link if it is one', async () => {
    here.write('target.onnx', 'old');
    symlinkSync('target.onnx', here.at('link.onnx'));
    await run(model, '--to', 'onnx', '--out', here.at('link.onnx'), '--force');
    expect(here.isLink('link.onnx')).toBe(true);
    expect(here.read('target.onnx').length).toBeGreaterThan(100);
  });

  test('is never the model itself, whatever its name', async () => {
    const before = here.read('rnn.safetensors');
    symlinkSync('rnn.safetensors', here.at('soft'));
    linkSync(model, here.at('hard'));
    for (const out of [model, here.at('soft'), here.at('hard')]) {
      expect(await usageError(model, '--to', 'pytorch', '--force', '--out', out)).toMatch(/would overwrite the model/);
    }
    expect(here.read('rnn.safetensors').equals(before)).toBe(true);
  });

  test('is not a folder', async () => {
    mkdirSync(here.at('folder'));
    const error = await rejected(() => run(model, '--to', 'onnx', '--force', '--out', here.at('folder')));
    expect(error).toMatchObject({ code: 'FILE_ACCESS', problem: { cause: 'EISDIR' } });
  });
});

describe('an error', () => {
  test.each<[why: string, args: string[], says: RegExp]>([
    ['no format', [], /missing --to: the format to write/],
    ['an unknown format', ['--to', 'coreml'], /--to must be "module" or "onnx"/],
    ['weights of another format', ['--to', 'onnx', '--weights', 'int8'], /--weights is for --to module/],
    ['SIMD of another format', ['--to', 'pytorch', '--simd'], /--simd is for --to module/],
  ])('%s', async (_, args, says) => {
    expect(await usageError(model, ...args)).toMatch(says);
  });

  test.each<[layer: object, to: string, says: RegExp]>([
    [{ cell: { peepholes: true } }, 'pytorch', /layers\[0\] has a variant of the cell, which nn\.LSTM cannot express/],
    [{ zoneout: 0.1 }, 'pytorch', /zoneout/],
    [{ direction: 'reverse' }, 'pytorch', /only the reverse direction/],
    [{ initialState: 'learned' }, 'pytorch', /a learned initial state/],
    [{ projectionSize: 2 }, 'onnx', /a projection, which an ONNX LSTM cannot express/],
    [{ cell: { layerNorm: true } }, 'onnx', /layer normalization/],
    [{ cell: { gateRecurrence: true } }, 'onnx', /gate recurrence/],
    [{ cell: { clip: 1 } }, 'onnx', /a clipped cell state/],
    [{ cell: { gates: 'noForget' } }, 'onnx', /the gates 'noForget'/],
  ])('%j for %s', async (layer, to, says) => {
    const file = await save('variant.safetensors', {
      inputSize: 2,
      layers: [{ kind: 'lstm', hiddenSize: 3, ...layer }],
    });
    const error = await rejected(() => run(file, '--to', to, '--out', here.at('never')));
    expect(error.code).toBe('INVALID_SETTING');
    expect(error.message).toMatch(says);
    expect(here.has('never')).toBe(false);
  });

  test('a file that is not a model', async () => {
    const error = await rejected(() => run(here.write('x.txt', 'no model'), '--to', 'onnx'));
    expect(error.message).toMatch(/x\.txt: .*plain text/);
  });
});
