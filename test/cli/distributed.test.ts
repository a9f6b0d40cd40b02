/** `unspool train --distributed mpi`: real ranks on this machine, which are killed, interrupted and restarted. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { requireOneProcess } from '../../src/cli/one-process.js';
import { describeWithMpi, MPI_STARTERS } from '../support/machine.js';
import { type Folder, folder, jsonLines, MAIN, sampleText } from './support.js';

const SIZES = ['--hidden-size', '8', '--embedding-size', '4', '--batch-size', '8', '--steps', '8', '--seed', '3'];
const TRAINING = [...SIZES, '--dropout', '0.2', '--epochs', '3', '--checkpoint-every', '10', '--patience', '2'];
const OPEN_MPI = MPI_STARTERS[0] === 'mpirun.openmpi';
const STARTER = OPEN_MPI ? 'mpirun.openmpi --oversubscribe' : String(MPI_STARTERS[0]);

/** Runs a program in a folder; `hook` acts in rank 0 when it has printed a line with `at`, once. */
function run(at: Folder, command: readonly string[], hook?: { readonly at: string; readonly act: string }) {
  const module = `
    import { existsSync, writeFileSync } from 'node:fs';
    const { write } = process.stdout;
    process.stdout.write = function (line, ...rest) {
      const written = write.call(this, line, ...rest);
      if (String(line).includes(${JSON.stringify(hook?.at)}) && !existsSync('hooked')) {
        writeFileSync('hooked', '');
        ${hook?.act}
      }
      return written;
    };`;
  const options = hook ? { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` } : {};
  const root = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };
  const idle = { OMPI_MCA_mpi_yield_when_idle: '1' }; // three ranks on two cores
  const env = { ...process.env, ...root, ...idle, ...options };
  const [name = '', ...args] = command;
  return spawnSync(name, args, { cwd: at.path, env, encoding: 'utf8', timeout: 100_000 });
}

const alone = (at: Folder, ...args: string[]) => run(at, [process.execPath, MAIN, 'train', ...args]);
const onRanks = (count: number, ...args: string[]) => [
  ...STARTER.split(' '),
  '-n',
  String(count),
  process.execPath,
  MAIN,
  'train',
  ...args,
  '--distributed',
  'mpi',
];

describeWithMpi('training on ranks of MPI', () => {
  const text = sampleText(600);
  const expected = folder(text);
  const files = ['m.safetensors', 'm.checkpoint.safetensors'];

  const expectSameFiles = (at: Folder): void => {
    if (!expected.has(files[0]!)) {
      const { status, stderr } = alone(
        expected,
        'text.txt',
        ...TRAINING,
        '--shards',
        '8',
        '--out',
        files[0]!,
        '--quiet',
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    for (const file of files) expect(`${file} ${at.read(file).equals(expected.read(file))}`).toBe(`${file} true`);
  };

  test('two ranks, one of which is killed, are restarted and end with the files of one process', () => {
    const at = folder(text);
    const ranks = ['--distributed', 'mpi', '--ranks', '2', '--starter', STARTER, '--restarts', '1'];
    const command = [process.execPath, MAIN, 'train', 'text.txt', ...TRAINING, '--out', files[0]!, ...ranks, '--json'];
    const kill = { at: '"update":25,', act: `process.kill(process.pid, 'SIGKILL');` };
    const { status, stderr, stdout } = run(at, command, kill);
    expect(stderr).toContain('Restart 1 of 1 continues m.checkpoint.safetensors.');
    expect(stdout.match(/"update":21,/g)).toHaveLength(2); // the updates since the checkpoint are made again
    expect(status).toBe(0);
    expectSameFiles(at);
  });

  test('three ranks are interrupted and continued by one process, with the same files', () => {
    const at = folder(text);
    const stop = { at: '"update":25,', act: `process.emit('SIGTERM', 'SIGTERM');` };
    const { status, stdout } = run(at, onRanks(3, 'text.txt', ...TRAINING, '--out', files[0]!, '--json'), stop);
    expect(status).not.toBe(0);
    expect(stdout.match(/"kind":"interrupted"/g)).toHaveLength(1);
    expect(alone(at, '--resume', files[1]!, '--quiet').status).toBe(0);
    expectSameFiles(at);
  });

  test('an error of rank 0 is printed once, and ends all ranks', () => {
    const { status, stderr } = run(folder(text), onRanks(2, 'missing.txt', ...TRAINING, '--out', files[0]!));
    expect(status).not.toBe(0);
    expect(stderr.match(/unspool train: .*/g)).toEqual([
      'unspool train: missing.txt: cannot be read: no such file or folder (ENOENT). Check the path.',
    ]);
  });
});

describeWithMpi('a search on ranks of MPI', () => {
  const space = { lr: { from: 0.001, to: 0.1 }, hiddenSize: 6, embeddingSize: 4, batchSize: 4, steps: 8, epochs: 1 };
  const SEARCH = ['tune', 'search.json', 'text.txt', '--trials', '3', '--out', 'study'];
  const trialsIn = (at: Folder) =>
    jsonLines(at.read('study/trials.jsonl').toString())
      .map(({ seconds: _, ...trial }) => trial)
      .sort((a, b) => Number(a.number) - Number(b.number));
  const prepared = (): Folder => {
    const at = folder(sampleText(200));
    at.write('search.json', JSON.stringify(space));
    return at;
  };

  test('has the trials of one process, and errors of rank 0 are printed once', () => {
    const [alone, shared] = [prepared(), prepared()];
    expect(run(alone, [process.execPath, MAIN, ...SEARCH, '--workers', '1', '--quiet']).status).toBe(0);
    const started = [...STARTER.split(' '), '-n', '2', process.execPath, MAIN];
    const { status, stderr } = run(shared, [...started, ...SEARCH, '--distributed', 'mpi', '--quiet']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(trialsIn(shared)).toEqual(trialsIn(alone));
    const other = run(shared, [...started, ...SEARCH.with(2, 'missing.txt'), '--distributed', 'mpi']);
    expect(other.status).not.toBe(0);
    expect(other.stderr.match(/unspool tune: .*/g)).toEqual([expect.stringContaining('missing.txt: cannot be read')]);
  });
});

test('several processes of a command that do not know of each other are refused', () => {
  expect(() => requireOneProcess({ PMI_SIZE: '2' })).toThrow(
    '2 processes of this command were started. Add --distributed mpi',
  );
  requireOneProcess({ PMI_SIZE: '1' });
  requireOneProcess({});
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'tune', 'c.json'], {
    encoding: 'utf8',
    env: { ...process.env, OMPI_COMM_WORLD_SIZE: '4' },
  });
  expect(stderr).toContain('unspool tune: 4 processes of this command were started.');
  expect(status).toBe(2);
});

test.each([
  ['--starter and --rank-timeout need --distributed mpi', ['--ranks', '2']],
  ['--restarts and --starter need --ranks N', ['--distributed', 'mpi', '--restarts', '1']],
  ['--restarts needs --run DIR, --out FILE or --resume', ['--distributed', 'mpi', '--restarts', '1', '--ranks', '2']],
  ['cannot run no-such-mpirun', ['--distributed', 'mpi', '--ranks', '2', '--starter', 'no-such-mpirun']],
])('%s', (message, flags) => {
  const { status, stderr } = alone(folder(), 'text.txt', ...flags);
  expect(stderr).toContain(message);
  expect(status).toBe(2);
});
