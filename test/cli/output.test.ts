/** Output that cannot be written: a full disk, a reader that has gone, a closed terminal. Files are saved anyway. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { folder, jsonLines, MAIN, start, TINY } from './support.js';

const here = folder();

beforeAll(async () => {
  await here.ok('train', 'text.txt', ...TINY, '--max-updates', '2', '--quiet');
});

/** A file that behaves like one on a full disk. */
const FULL = '/dev/full';

/** Runs a command whose output goes to a full disk: stdout, or stderr as well. */
function runOnFullDisk(args: readonly string[], both = false): Promise<{ code: number | null; stderr: string }> {
  const disk = openSync(FULL, 'w');
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: here.path,
    stdio: ['ignore', disk, both ? disk : 'pipe'],
  });
  closeSync(disk);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  return new Promise((done) => child.on('close', (code) => done({ code, stderr })));
}

(existsSync(FULL) ? describe : describe.skip)('stdout on a full disk', () => {
  const REPORT = 'unspool: cannot write the output: the disk is full (ENOSPC).';

  test.each([
    [['--help'], ['--version'], ['lab'], ['train', '--help']],
    [['info'], ['info', 'model.safetensors'], ['info', 'model.safetensors', '--json'], ['lab', 'list']],
    [['sample', 'model.safetensors'], ['eval', 'model.safetensors', 'text.txt'], ['gradcheck']],
  ])('%j, ...: a message and exit code 1', async (...commands) => {
    const ended = await Promise.all(commands.map((args) => runOnFullDisk(args)));
    expect(ended).toEqual(commands.map(() => ({ code: 1, stderr: `${REPORT}\n` })));
  });

  test.each([
    ['m', ['train', 'text.txt', ...TINY, '--max-updates', '3', '--out', 'm.safetensors'], 'm.safetensors'],
    ['j', ['train', 'text.txt', ...TINY, '--max-updates', '3', '--json', '--out', 'j.safetensors'], 'j.safetensors'],
    ['inspect', ['inspect', 'model.safetensors', '--text', 'the whale', '--out', 'page.html'], 'page.html'],
    [
      'compare',
      ['lab', 'compare', '--estimators', 'rtrl', '--steps', '5', '--seeds', '1', '--hidden-size', '2', '--out', 'c'],
      'c/report.html',
    ],
  ])('%s: the command saves its files, and ends with exit code 1', async (_name, args, file) => {
    const more = ' The command continues, because it also saves files.';
    expect(await runOnFullDisk(args)).toEqual({ code: 1, stderr: `${REPORT}${more}\n` });
    expect(here.has(file)).toBe(true);
  });

  test('stderr as well: the same without a message', async () => {
    const train = ['train', 'text.txt', ...TINY, '--max-updates', '3', '--out', 'both.safetensors'];
    const commands = [train, ['info'], ['nothing'], ['sample', 'no.safetensors']];
    const codes = await Promise.all(commands.map(async (args) => (await runOnFullDisk(args, true)).code));
    expect(codes).toEqual([1, 1, 2, 1]);
    expect(here.has('both.safetensors')).toBe(true);
  });

  test('--quiet has no output that could be lost', async () => {
    const train = ['train', 'text.txt', ...TINY, '--max-updates', '3', '--quiet', '--out', 'quiet.safetensors'];
    expect(await runOnFullDisk(train)).toEqual({ code: 0, stderr: '' });
  });
});

/** What a shell command prints. */
const shell = (command: string) => start(here.path, ['-c', `set -o pipefail; ${command}`], 'bash', []).ended;
const UNSPOOL = `${process.execPath} ${MAIN}`;

describe('a reader that has gone', () => {
  test('does not make the command fail', async () => {
    const command = `${UNSPOOL} sample model.safetensors --length 100000000 | head -c 20`;
    const { code, stdout, stderr } = await shell(command);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toHaveLength(20);
  });

  test.each([
    [
      'train',
      `train text.txt ${TINY.join(' ')} --max-updates 40 --json --out unread.safetensors`,
      'unread.safetensors',
    ],
    ['inspect', 'inspect model.safetensors --text "the whale" --out unread.html', 'unread.html'],
  ])('%s continues and saves its file', async (_name, command, file) => {
    const { code, stderr } = await shell(`${UNSPOOL} ${command} | true`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(here.has(file)).toBe(true);
  });
});

const hasScript = spawnSync('script', ['--version']).status === 0;

(hasScript ? test : test.skip)('a closed terminal ends a training with a checkpoint', async () => {
  const own = folder();
  const train = `${UNSPOOL} train text.txt ${TINY.join(' ')} --epochs 9999 --checkpoint-every 0 --out m.safetensors`;
  const terminal = start(own.path, ['-qefc', train, '/dev/null'], 'script', []);
  await terminal.printed(/epoch 1\//);
  terminal.process.kill('SIGKILL');
  await terminal.ended;
  while (own.has('m.safetensors.lock')) await new Promise((next) => setTimeout(next, 20));
  expect(own.files()).toEqual(['m.checkpoint.safetensors', 'text.txt']);
  const [info] = jsonLines(await own.ok('info', 'm.checkpoint.safetensors', '--json'));
  expect(info!.position).toMatchObject({ update: expect.any(Number) });
});
