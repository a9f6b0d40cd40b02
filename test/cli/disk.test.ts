/** Full and read-only disks, and two runs that write the same file. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { UnspoolError } from '../../src/errors.js';
import { appendText } from '../../src/node/files.js';
import { folder, jsonLines, MAIN, start, TINY } from './support.js';

/** Mounts a small disk, which the user must be allowed to do. */
async function withDisk(kilobytes: number, use: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'unspool-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path], { stdio: 'pipe' });
    try {
      await use(path);
    } finally {
      execFileSync('umount', ['-l', path]);
    }
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

const canMount = ((): boolean => {
  const path = mkdtempSync(join(tmpdir(), 'unspool-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', path]).status === 0;
  if (mounted) execFileSync('umount', ['-l', path]);
  rmSync(path, { recursive: true });
  return mounted;
})();

const FULL =
  /cannot be written \(ENOSPC\)\.? The disk is full: free some space, or choose another folder\. The existing file /;

const FILLER = 'filler';

/** A command that fills the rest of a disk. */
const fill = (disk: string): [string, string[]] => ['sh', ['-c', 'cat /dev/zero > "$0"', join(disk, FILLER)]];

/** The other files on it. */
const others = (disk: string): string[] =>
  readdirSync(disk)
    .filter((name) => name !== FILLER)
    .sort();

/** Fills the disk after update 21, when the checkpoint of update 20 has been saved. */
const fillsUp = (disk: string) => ({ '"update":21,': `spawnSync(...${JSON.stringify(fill(disk))});` });

describe('a full disk', () => {
  if (!canMount) console.warn('skipped: this user cannot mount a small disk (root can)');
  const testOnDisk = canMount ? test : test.skip;
  const here = folder();

  testOnDisk('too full for the new model: an error, and the old model is intact', () =>
    withDisk(64, async (disk) => {
      const out = join(disk, 'm.safetensors');
      await here.ok('train', 'text.txt', ...TINY, '--max-updates', '2', '--quiet', '--out', out);
      const old = readFileSync(out);
      const args = ['--hidden-size', '64', '--max-updates', '3', '--force', '--checkpoint-every', '0', '--out', out];
      const { code, stderr } = await here.run('train', 'text.txt', ...TINY, ...args, '--quiet');
      expect(code).toBe(1);
      expect(stderr).toMatch(FULL);
      expect(stderr).toMatch(/\nunspool train: \S*\/m\.safetensors: .* No checkpoint has been saved\.\n$/);
      expect(readFileSync(out)).toEqual(old);
      expect(others(disk)).toEqual(['m.checkpoint.safetensors', 'm.safetensors']);
      expect(await here.ok('info', join(disk, 'm.checkpoint.safetensors'))).toContain('Saved after 2 updates');
    }),
  );

  testOnDisk('too full for the checkpoint but not for the smaller model: a warning, and the model is saved', () =>
    withDisk(64, async (disk) => {
      const out = join(disk, 'm.safetensors');
      const args = ['--hidden-size', '40', '--max-updates', '3', '--checkpoint-every', '0', '--out', out];
      const { code, stderr } = await here.run('train', 'text.txt', ...TINY, ...args);
      expect(code).toBe(0);
      expect(stderr).toMatch(/^unspool: \S*m\.checkpoint\.safetensors: cannot be written \(ENOSPC\)[^\n]*\n$/);
      expect(others(disk)).toEqual(['m.safetensors']);
      expect(await here.ok('info', out)).toContain('hiddenSize 40');
    }),
  );

  testOnDisk('too full for a checkpoint: the training ends before its first update, not hours later', () =>
    withDisk(64, async (disk) => {
      const args = ['--hidden-size', '64', '--epochs', '99', '--checkpoint-every', '5', '--json'];
      const out = join(disk, 'm.safetensors');
      const { code, stdout, stderr } = await here.run('train', 'text.txt', ...TINY, ...args, '--out', out);
      expect(code).toBe(1);
      expect(stderr).toMatch(FULL);
      expect(jsonLines(stdout).at(-1)).toMatchObject({ kind: 'start' });
      expect(others(disk)).toEqual([]);
    }),
  );

  testOnDisk('too full for another line: an error, and the earlier lines are intact', () =>
    withDisk(64, async (disk) => {
      const file = join(disk, 'results.jsonl');
      await appendText(file, '{"one":1}\n');
      spawnSync(...fill(disk));
      const error = await appendText(file, `${'x'.repeat(9000)}\n`).catch((e: unknown) => e);
      expect((error as UnspoolError).message).toMatch(FULL);
      expect(readFileSync(file, 'utf8')).toBe('{"one":1}\n');
    }),
  );

  testOnDisk('full for a while: the training continues, and nothing is lost', () =>
    withDisk(256, async (disk) => {
      const settings = ['--hidden-size', '24', '--epochs', '4', '--checkpoint-every', '20'];
      const whole = here.ok('train', 'text.txt', ...TINY, ...settings, '--quiet', '--out', 'whole.safetensors');
      const args = ['train', 'text.txt', ...TINY, ...settings, '--json', '--out', join(disk, 'm.safetensors')];
      const cleared = { '"update":101,': `fs.rmSync(${JSON.stringify(join(disk, FILLER))});` };
      const running = here.startWith({ ...fillsUp(disk), ...cleared }, ...args);
      const [{ code, stderr }] = await Promise.all([running.ended, whole]);
      expect(stderr).toMatch(FULL);
      expect(stderr).toMatch(
        / The training continues; \S+m\.checkpoint\.safetensors, from update 20, is still good\.\n/,
      );
      expect(code).toBe(0);
      expect(readFileSync(join(disk, 'm.safetensors'))).toEqual(here.read('whole.safetensors'));
    }),
  );

  testOnDisk('full to the end: the last good checkpoint is named, and resuming it elsewhere gives the same model', () =>
    withDisk(256, async (disk) => {
      const settings = ['--hidden-size', '24', '--epochs', '3', '--checkpoint-every', '20'];
      const args = ['train', 'text.txt', ...TINY, ...settings, '--json', '--out', join(disk, 'm.safetensors')];
      const running = here.startWith(fillsUp(disk), ...args);
      const whole = here.ok('train', 'text.txt', ...TINY, ...settings, '--quiet', '--out', 'whole3.safetensors');
      const [{ code, stderr }] = await Promise.all([running.ended, whole]);
      expect(code).toBe(1);
      const last = / The last good checkpoint, (\S+), is from update 20\.\n$/.exec(stderr);
      expect(others(disk)).toEqual(['m.checkpoint.safetensors']);
      await here.ok('train', '--resume', last![1]!, '--out', 'elsewhere.safetensors', '--quiet');
      expect(here.read('elsewhere.safetensors')).toEqual(here.read('whole3.safetensors'));
    }),
  );

  testOnDisk('read-only: an error before any training', () =>
    withDisk(64, async (disk) => {
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const { code, stderr, stdout } = await here.run(
        'train',
        'text.txt',
        ...TINY,
        '--out',
        join(disk, 'm.safetensors'),
      );
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' }); // before anything is trained
      expect(stderr).toMatch(
        /m\.safetensors: cannot be written \(EROFS\)\.? Choose a folder that can be written to\.\n$/,
      );
    }),
  );
});

const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

describe('two runs and one file', () => {
  (canUnshare ? test : test.skip)('two runs in containers, both process 1, that share a folder', async () => {
    const here = folder();
    const args = ['text.txt', ...TINY, '--epochs', '999', '--checkpoint-every', '0', '--force'];
    const inContainer = (...more: string[]) =>
      start(
        here.path,
        ['--pid', '--fork', '--kill-child', process.execPath, MAIN, 'train', ...args, ...more],
        'unshare',
        [],
      );
    const first = inContainer();
    await first.printed(/^update 1\//m);
    const second = await inContainer().ended;
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/is locked by process 1 on .* Waiting to see whether it still runs\.\n/);
    expect(second.stderr).toMatch(/another run \(process 1\) is writing it/);
    first.process.kill('SIGKILL');
    await first.ended;
    // It shows no life any more. The next run waits for that; the clock of the file is set back instead.
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(join(here.path, 'model.safetensors.lock'), longAgo, longAgo);
    writeFileSync(join(here.path, 'model.safetensors.1.0123456789abcdef.tmp'), 'what it was writing');
    expect(await inContainer('--max-updates', '2', '--quiet').ended).toMatchObject({ code: 0, stderr: '' });
    expect(here.files()).toEqual(['model.checkpoint.safetensors', 'model.safetensors', 'text.txt']);
  });

  test('a model that another program saves during the training is not replaced', async () => {
    const here = folder();
    const hooks = { '"update":3,': "fs.writeFileSync('model.safetensors', 'finished');" };
    const running = here.startWith(hooks, 'train', 'text.txt', ...TINY, '--max-updates', '5', '--json');
    const { code, stderr } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^unspool train: model\.safetensors: was made by another program during the training/);
    expect(stderr).toContain('unspool train --resume model.checkpoint.safetensors --out FILE.');
    expect(here.read('model.safetensors').toString()).toBe('finished');
    expect(here.files()).toEqual(['model.checkpoint.safetensors', 'model.safetensors', 'text.txt']);
    await here.ok('train', '--resume', 'model.checkpoint.safetensors', '--out', 'other.safetensors', '--quiet');
  });

  test('the second run is refused, and after the first one was killed a third one may write', async () => {
    const here = folder();
    const args = ['text.txt', ...TINY, '--epochs', '999', '--checkpoint-every', '0'];
    const first = here.start('train', ...args);
    await first.printed(/^update 1\//m);
    const second = await here.run('train', ...args, '--force');
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(
      new RegExp(`^unspool train: model\\.safetensors: another run \\(process ${first.process.pid}\\) is writing it`),
    );
    expect(second.stderr).toMatch(
      /Choose another --out, or wait for that run; if there is none, delete \S+\.lock\.\n$/,
    );
    first.process.kill('SIGKILL');
    await first.ended;
    expect(existsSync(join(here.path, 'model.safetensors.lock'))).toBe(true);
    await here.ok('train', 'text.txt', ...TINY, '--max-updates', '2', '--quiet');
    expect(here.files()).toEqual(['model.checkpoint.safetensors', 'model.safetensors', 'text.txt']);
  });
});
