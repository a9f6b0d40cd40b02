/** Several processes take over the lock of a crashed one at the same moment. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { folder, ROOT, start } from './support.js';

const ROUNDS = 25;

const RACER = `
  import { existsSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  import { lockFile } from './lock.mjs';
  for (let round = 0; round < ${ROUNDS}; round++) {
    while (!existsSync('go' + round));
    await lockFile('f' + round).then(() => console.log(round), (e) => { if (e.problem.cause !== 'LOCKED') throw e; });
  }
  console.log('done');
  await setTimeout(600_000); // alive until it is killed: a lock of a dead process would be taken over`;

test('exactly one process takes over a stale lock', async () => {
  const here = folder();
  const gone = start(here.path, ['-e', '0'], process.execPath, []);
  await gone.ended;
  for (let round = 0; round < ROUNDS; round++)
    writeFileSync(join(here.path, `f${round}.lock`), `${gone.process.pid}\n`);
  const esbuild = [join(ROOT, 'node_modules/.bin/esbuild'), join(ROOT, 'src/node/lock.ts')] as const;
  const lock = join(here.path, 'lock.mjs');
  execFileSync(esbuild[0], [
    esbuild[1],
    '--bundle',
    '--format=esm',
    '--platform=node',
    '--log-level=error',
    `--outfile=${lock}`,
  ]);
  here.write('racer.mjs', RACER);
  const racers = [1, 2, 3].map(() => start(here.path, ['racer.mjs'], process.execPath, []));
  for (let round = 0; round < ROUNDS; round++) {
    here.write(`go${round}`, '');
    await new Promise((next) => setTimeout(next, 10));
  }
  await Promise.all(racers.map((racer) => racer.printed(/^done$/m)));
  for (const racer of racers) racer.process.kill('SIGKILL');
  const winners = racers.flatMap((racer) => racer.stdout().match(/^\d+$/gm) ?? []);
  expect(winners.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: ROUNDS }, (_, i) => i));
  await Promise.all(racers.map(({ ended }) => ended));
});
