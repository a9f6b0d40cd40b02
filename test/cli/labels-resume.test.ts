/** Trainings of classifiers and taggers that are interrupted or killed, and resumed. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { parseCommand } from '../../src/cli/parse.js';
import { requireCheckpoint } from '../../src/cli/train/files.js';
import { trainCommand } from '../../src/cli/train.js';
import { temporaryFolder } from './in-process.js';

const here = temporaryFolder();
const words = Array.from({ length: 60 }, (_, i) => 'bcdfg'[i % 5]! + 'aeiou'[(i >> 1) % 5]! + (i % 3 ? 'a' : 'b'));
const rows = words.map((word) => `${word},${word.endsWith('a') ? 'vowel' : 'consonant'}`);
const table = here.write('words.csv', `word,end\n${rows.join('\n')}\n`);
const plain = here.write('plain.txt', 'the cat sat on the mat and the dog ran to the sea '.repeat(12));
const SMALL = ['--hidden-size', '3', '--embedding-size', '3', '--epochs', '3', '--backend', 'reference', '--json'];
const JOBS = {
  classifier: [table, '--label', 'end', '--text', 'word', '--batch-size', '16', '--dropout', '0.2'],
  tagger: [plain, '--task', 'tagging', '--length', '24', '--context', '4', '--batch-size', '4'],
};

type Line = Readonly<Record<string, unknown>>;

/** Runs `unspool train`, and interrupts it after an update. */
async function train(argv: readonly string[], stopAt = Number.POSITIVE_INFINITY): Promise<Line[]> {
  const lines: Line[] = [];
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    const line = JSON.parse(String(text)) as Line;
    lines.push(line);
    if (line.kind === 'update' && line.update === stopAt) process.emit('SIGINT');
    return true;
  });
  try {
    const { args, options } = parseCommand(trainCommand, argv);
    await trainCommand.run(args, options);
    return lines;
  } finally {
    spy.mockRestore();
  }
}

const resume = (name: string) => ['--resume', here.at(name), '--backend', 'reference', '--json'];

test.each(['classifier', 'tagger'] as const)('a %s that is interrupted and resumed has the same bytes', async (job) => {
  const [whole, cut] = [`${job}-whole`, `${job}-cut`];
  await train([...JOBS[job], ...SMALL, '--run', here.at(whole)]);
  const stopped = await train([...JOBS[job], ...SMALL, '--run', here.at(cut)], 4);
  expect(stopped.at(-1)).toMatchObject({ kind: 'interrupted' });
  const again = await train(resume(cut));
  expect(again.find(({ kind }) => kind === 'update')).toMatchObject({ update: 5 });
  for (const file of ['model.safetensors', 'metrics.jsonl', 'config.json']) {
    expect(here.read(`${cut}/${file}`).equals(here.read(`${whole}/${file}`))).toBe(true);
  }
  const [first, second] = [whole, cut].map((name) => JSON.parse(here.read(`${name}/run.json`).toString()));
  expect(second.sessions).toHaveLength(2);
  expect(second.result).toEqual(first.result);
  expect(here.has(`${cut}/model.checkpoint.safetensors`)).toBe(false);
  await expect(train(resume(cut))).rejects.toThrow('has no checkpoint: its training is finished.');
});

test('a training that fails before its first checkpoint leaves none, and can be started again', async () => {
  const out = here.at('diverged.safetensors');
  const diverging = [...JOBS.classifier, ...SMALL, '--lr', '3.4e38', '--backend', 'reference'];
  for (const _ of ['first', 'again']) {
    await expect(train([...diverging, '--out', out])).rejects.toThrow('No checkpoint has been saved.');
    expect(here.has('diverged.checkpoint.safetensors')).toBe(false);
  }
  const checkpoint = here.at('diverged.checkpoint.safetensors');
  await expect(requireCheckpoint(checkpoint, checkpoint)).rejects.toThrow('another process has finished its training');
  await expect(train([...diverging, '--run', here.at('diverged')])).rejects.toThrow('No checkpoint');
  await expect(train(resume('diverged'))).rejects.toThrow('its training ended before one was saved');
});

test('a checkpoint of --out is resumed with its own data and settings only', async () => {
  const out = here.at('model.safetensors');
  await train([...JOBS.classifier, ...SMALL, '--out', out], 3);
  const checkpoint = 'model.checkpoint.safetensors';
  const other = here.write('other.csv', `word,end\n${rows.slice(1).join('\n')}\n`);
  await expect(train([other, ...resume(checkpoint)])).rejects.toThrow('this is not the data that the checkpoint');
  await expect(train([...resume(checkpoint), '--lr', '0.1'])).rejects.toThrow('--lr cannot change when you resume');
  await expect(train([...JOBS.classifier, ...SMALL, '--out', out])).rejects.toThrow(
    `Use --resume ${here.at(checkpoint)}`,
  );
  expect((await train(resume(checkpoint))).at(-1)).toMatchObject({ kind: 'result', file: out });
});

test('killed at random moments, a training ends with the same files', () => {
  const script = [join(__dirname, 'kills.mjs'), '--kills', '2', '--jobs', 'classifier', '--seed', '7'];
  const last = execFileSync(process.execPath, script, { encoding: 'utf8' }).trim().split('\n').at(-1)!;
  expect(JSON.parse(last).results).toMatchObject({ classifier: { kills: 2 } });
});
