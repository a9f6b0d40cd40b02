/** The command line continues a training of Unspool 0.1, and uses its models. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readSafetensors } from '../../src/index.js';
import { type Folder, folder, jsonLines, ROOT } from './support.js';

const FIXTURES = join(ROOT, 'test/fixtures/version-0.1');

function copyOf(...files: readonly string[]): Folder {
  const at = folder();
  for (const file of ['text.txt', ...files]) copyFileSync(join(FIXTURES, file), join(at.path, file));
  return at;
}

test('train --resume ends with the weights that 0.1 ended with', async () => {
  const at = copyOf('checkpoint.safetensors', 'resumed.safetensors');
  await at.ok('train', '--resume', 'checkpoint.safetensors', '--backend', 'reference', '--out', 'new.safetensors');
  const [expected, got] = ['resumed', 'new'].map((name) => readSafetensors(at.read(`${name}.safetensors`)));
  expect([...got!.tensors.keys()]).toEqual([...expected!.tensors.keys()]);
  for (const [name, { bytes }] of got!.tensors) {
    expect(`${name} ${Buffer.compare(bytes, expected!.tensors.get(name)!.bytes)}`).toBe(`${name} 0`);
  }
  expect(got!.metadata.get('version')).toBe('2');
});

test('info and eval read a model of 0.1', async () => {
  const at = copyOf('model.safetensors');
  const [info] = jsonLines(await at.ok('info', 'model.safetensors', '--json'));
  expect(info).toMatchObject({ metadata: { validationLoss: 2.4689875096082687 } });
  const [result] = jsonLines(await at.ok('eval', 'model.safetensors', 'text.txt', '--json'));
  expect(
    Object.values(result!)
      .filter((value) => typeof value === 'number')
      .every(Number.isFinite),
  ).toBe(true);
});
