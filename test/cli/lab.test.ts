/** `unspool lab`: lists experiments, runs one in workers, continues it after an interruption, compares estimators. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { folder, TINY } from './support.js';

const here = folder();

const lab = (...args: string[]) => here.run('lab', ...args);

test('list shows the experiments and the settings of the estimators', async () => {
  const { code, stdout } = await lab('list');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^a1 +Influence balancing$/m);
  expect(stdout).toMatch(/^tbptt:k1=,k2= +biased: every k1 steps/m);
});

/** Forward steps per step of the jobs of a2 that an earlier run has finished. */
const EARLIER = {
  'keep all': 1,
  'dynamic programming, 10 %': 1.899,
  'dynamic programming, 2 %': 2.347,
  'dynamic programming, 1 %': 2.822,
  'dynamic programming, 0.5 %': 3.644,
  'sqrt, k = 17': 1.983,
  'Revolve, 50 slots': 2.948,
} as const;

test('an interrupted experiment continues where it stopped, and reports', async () => {
  const args = ['lab', 'run', 'a2', '--seeds', '1', '--workers', '2', '--out', 'a2'];
  const earlier = Object.entries(EARLIER).map(([label, forwards]) => {
    const values = { forwards, peak: 0.5, ms: 1, time: 1.2, bytes: 1e6, memory: 0.5, same: 1 };
    return JSON.stringify({ job: { id: `${label}, round 1`, label, seed: 1 }, values, seconds: 1 });
  });
  mkdirSync(join(here.path, 'a2'));
  here.write('a2/results.jsonl', `${earlier.join('\n')}\n`);
  // What Ctrl-C does, before the other worker ends its job.
  const { code, stdout } = await here.startWith({ '8/9  ': `process.emit('SIGINT');` }, ...args).ended;
  expect(code).toBe(1);
  expect(stdout).toMatch(/Interrupted after 8 of 9 jobs\. Run the same command to continue\./);
  expect(existsSync(join(here.path, 'a2/report.html'))).toBe(false);
  const kept = readFileSync(join(here.path, 'a2/results.jsonl'), 'utf8').trim().split('\n');
  expect(kept.length).toBe(8);
  expect(kept.slice(0, 7)).toEqual(earlier);

  appendFileSync(join(here.path, 'a2/results.jsonl'), '{"job":{"id":"sqrt, k'); // what a full disk leaves
  const second = await here.run(...args);
  expect(second.code).toBe(0);
  expect(second.stdout).toMatch(/holds +dynamic programming, 5 %: 1\.949 T forward steps/);
  expect(second.stdout).toMatch(/holds +every gradient is bit-identical to that of full BPTT/);
  const results = readFileSync(join(here.path, 'a2/results.jsonl'), 'utf8').trim().split('\n');
  expect(results).toHaveLength(9 + 1);
  expect(results.slice(0, kept.length)).toEqual(kept);
  // All jobs are done: the broken line did not damage a later one.
  const third = await here.run(...args);
  expect(third.code).toBe(0);
  expect(third.stdout).not.toMatch(/^ ?\d\/9 /m);
  const html = readFileSync(join(here.path, 'a2/report.html'), 'utf8');
  expect(html).toMatch(/<svg/);
  expect(html).not.toMatch(/src="http|<link/);
  expect(html).toContain('Memory-Efficient Backpropagation Through Time. NeurIPS 2016');
  expect(html).toMatch(/<li>unspool lab run a2 --seeds 1: all figures, except those that are named as/);
  const { report } = JSON.parse(readFileSync(join(here.path, 'a2/report.json'), 'utf8')) as {
    report: { verdicts: { holds: boolean }[] };
  };
  expect(report.verdicts.filter(({ holds }) => holds).length).toBeGreaterThan(8);
  expect(readFileSync(join(here.path, 'a2/report.csv'), 'utf8')).toMatch(/^holds,claim,found$/m);
});

test('compare reports estimators beside the exact gradient, also while the parameters change', async () => {
  const { code, stdout } = await lab(
    'compare',
    '--estimators',
    'rtrl tbptt:k1=1,k2=3 uoro',
    '--steps',
    '10',
    '--draws',
    '50',
    '--hidden-size',
    '3',
    '--seeds',
    '1',
    '--lr',
    '0.1',
    '--out',
    'compared',
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/^rtrl +1 +1 +1 /m);
  expect(stdout).toMatch(/^uoro +1 /m);
  expect(stdout).toMatch(/^While the parameters change, at the last emission:$/m);
  const { flow, found } = JSON.parse(readFileSync(join(here.path, 'compared/comparison.json'), 'utf8'));
  expect(flow.norms).toHaveLength(10);
  expect(flow.cosines.at(-1)).toBeCloseTo(1, 12);
  expect(flow.h.at(-1)).toBeGreaterThan(0);
  expect(found[0].stale[0].points.at(-1)).toMatchObject({ step: 10 });
  const page = readFileSync(join(here.path, 'compared/report.html'), 'utf8');
  expect(page.match(/<svg/g)).toHaveLength(7);
  for (const title of ['|G_k|', 'dL/dh and dL/dc over time', 'Bias and cost', 'Staleness'])
    expect(page).toContain(title);
});

test.each([
  [['run'], 2, 'missing EXPERIMENT: the id of an experiment'],
  [['run', 'a99'], 2, 'EXPERIMENT must be the id of an experiment, got "a99".'],
  [['dance'], 2, 'unknown command "lab dance". Commands: lab list, lab run, lab compare.'],
  [['compare'], 2, 'missing --estimators'],
  [['compare', '--estimators', 'tbptt:k1=1'], 2, 'estimator tbptt needs k2. Write tbptt:k1=NUMBER,k2=NUMBER.'],
  [
    ['compare', '--estimators', 'magic'],
    2,
    'estimator: unknown estimator "magic". Use one of adaptiveTbptt, artbp, bptt,',
  ],
  [
    ['compare', '--estimators', 'snap:n=x'],
    2,
    'estimator snap: unknown or invalid setting "n=x". Write snap:n=NUMBER.',
  ],
  [['run', 'a2', '--seeds', '0'], 2, '--seeds must be an integer from 1'],
])('the error for %j is clear', async (args, code, message) => {
  const ended = await lab(...args);
  expect(ended.stderr).toContain(message);
  expect(ended.code).toBe(code);
});

test('unspool train with an estimator learns, and a wrong estimator is an error', async () => {
  const args = [...TINY, '--estimator', 'tbptt:k1=4,k2=8', '--max-updates', '12'];
  const here = folder();
  const whole = await here.run('train', 'text.txt', ...args, '--out', 'whole.safetensors', '--json');
  expect(whole.code).toBe(0);
  const losses = whole.stdout.split('\n').flatMap((line) => /"kind":"update".*"loss":([\d.]+)/.exec(line)?.[1] ?? []);
  expect(Number(losses.at(-1))).toBeLessThan(Number(losses[0]));
  const wrong = await here.run('train', 'text.txt', ...TINY, '--estimator', 'tbptt:k1=4');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('estimator tbptt needs k2.') });
});
