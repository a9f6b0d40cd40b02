/** A text that is streamed: the same files as of a training whose text is in memory. */
import { mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { dataCommand } from '../../src/cli/data.js';
import { isStreamed } from '../../src/cli/train/training-source.js';
import { trainCommand } from '../../src/cli/train.js';
import { readStudyConfig } from '../../src/cli/tune/config.js';
import { runHere, temporaryFolder } from './in-process.js';
import { sampleText, TINY_SIZES } from './support.js';

const here = temporaryFolder();
const text = here.write('text.txt', sampleText(300));
const SIZES = [...TINY_SIZES, '--backend', 'reference'];

/** The lines of a training in a run directory. */
async function train(...argv: string[]): Promise<Record<string, unknown>[]> {
  const printed = await runHere(trainCommand, ...argv, '--json');
  return printed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const filesOf = (run: string) =>
  ['metrics.jsonl', 'model.checkpoint.safetensors', 'model.safetensors'].map((file) => ({
    file,
    bytes: here.read(`${run}/${file}`).toString('base64'),
  }));

const configOf = (run: string) => JSON.parse(here.read(`${run}/config.json`).toString());

/** The end of a training, without its time and place. */
const resultOf = (lines: Record<string, unknown>[]) => {
  const { seconds: _, file: __, ...result } = lines.find(({ kind }) => kind === 'result')!;
  return result;
};

describe('train --stream', () => {
  const more = ['--max-updates', '12', '--validate-every', '5'];
  const inMemory = train(text, ...SIZES, ...more, '--run', here.at('memory'));

  test('writes the same files, with the same baselines, and no temporary file remains', async () => {
    const memory = await inMemory;
    mkdirSync(here.at('out'));
    const config = here.write('stream.json', '{"stream": true}');
    const streamed = await train(text, ...SIZES, ...more, '--run', here.at('out/run'), '--config', config);
    expect(configOf('out/run')).toEqual({ ...configOf('memory'), stream: true });
    expect(filesOf('out/run')).toEqual(filesOf('memory'));
    expect(resultOf(streamed)).toEqual(resultOf(memory));
    expect(readdirSync(here.at('out'))).toEqual(['run']);
    const [start] = streamed;
    expect(start).toMatchObject({ kind: 'start', temporaryBytes: sampleText(300).length });
    expect(memory[0]).not.toHaveProperty('temporaryBytes');
  });

  test('continues a training whose text was in memory, and rejects another text', async () => {
    await inMemory;
    const other = here.write('other.txt', `${sampleText(300)}!`);
    const results: unknown[] = [];
    for (const [run, flags] of [
      ['whole', []],
      ['parts', ['--stream']],
    ] as const) {
      await train(text, ...SIZES, '--max-updates', '7', '--validate-every', '5', '--run', here.at(run));
      const resume = ['--resume', here.at(run), '--max-updates', '12', '--backend', 'reference', ...flags];
      await expect(train(other, ...resume)).rejects.toThrow('this is not the text that the checkpoint was trained on');
      results.push(resultOf(await train(...resume)));
    }
    expect(results[1]).toEqual(results[0]);
    expect(filesOf('parts')).toEqual(filesOf('whole'));
    expect(configOf('parts')).toEqual({ ...configOf('whole'), stream: true });
    expect(readdirSync(here.at('parts')).sort()).toEqual(readdirSync(here.at('whole')).sort());
  });

  test('rejects a table and several ranks', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => `${i},${i * i}`).join('\n');
    const table = here.write('table.txt', rows);
    await expect(train(table, ...SIZES, '--out', here.at('m.safetensors'), '--stream')).rejects.toThrow(
      'this is a table of 2 columns, not a text',
    );
    const shared = '--stream cannot be combined with --distributed';
    const ranks = ['--distributed', 'mpi', '--ranks', '2'];
    await expect(train(text, ...SIZES, ...ranks, '--stream')).rejects.toThrow(shared);
    await expect(isStreamed(text, { stream: true, distributed: 'mpi' })).rejects.toThrow(shared);
    const study = here.write('study.json', '{"stream": true, "layers": {"choices": [1, 2]}}');
    await expect(readStudyConfig(study)).rejects.toThrow('stream is for unspool train only');
  });
});

test('data describes a text', async () => {
  const printed = await runHere(dataCommand, text);
  const { length } = sampleText(300);
  const distinct = new Set(sampleText(300)).size;
  expect(printed).toBe(
    `${text}: language-model\n${length.toLocaleString('en')} characters, ${distinct} different ones.\n`,
  );
});
