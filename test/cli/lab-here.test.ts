/** `unspool lab run` in this process, with workers whose answers the test decides. */
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Answer, JobEvents, Order } from '../../src/cli/lab/jobs.js';
import type { Done } from '../../src/lab/experiments/experiment.js';
import { temporaryFolder } from './in-process.js';

/** In place of a worker thread. */
class Thread extends EventEmitter {
  static readonly all: Thread[] = [];
  static answer: (thread: Thread, order: Order) => void = () => {};
  readonly orders: string[] = [];
  ended = false;
  constructor(url: URL) {
    super();
    expect(url.pathname).toMatch(/\/lab\/worker\.js$/);
    Thread.all.push(this);
  }
  postMessage(order: Order): void {
    this.orders.push(order.job.id);
    setImmediate(() => Thread.answer(this, order));
  }
  say(answer: Answer): void {
    this.emit('message', answer);
  }
  async terminate(): Promise<void> {
    this.ended = true;
  }
}
jest.mock('node:worker_threads', () => ({
  ...(jest.requireActual('node:worker_threads') as object),
  get Worker() {
    return Thread;
  },
}));

const here = temporaryFolder();
beforeEach(() => void Thread.all.splice(0));

const job = (id: string) => ({ id, label: id, seed: 1 });
const done = (thread: Thread, _: Order, x = 1): void =>
  thread.say({ kind: 'done', result: { values: { x } }, seconds: 2 });
const line = (id: string, x: unknown = 1): string => JSON.stringify({ job: job(id), values: { x }, seconds: 2 });

async function runAll(
  file: string,
  ids: readonly string[],
  { workers = 2, signal = new AbortController().signal } = {},
) {
  const { runJobs } = await import('../../src/cli/lab/jobs.js');
  const [shares, left]: [(string | number)[][], (string | number)[][]] = [[], []];
  const events: JobEvents = {
    progress: ({ id }, share) => void shares.push([id, share]),
    done: ({ job: { id } }, rest) => void left.push([id, rest]),
  };
  const experiment = { id: 'e' } as never;
  return { result: runJobs(experiment, ids.map(job), { file, workers, signal, events }), shares, left };
}
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const idsOf = (list: readonly Done[]): string[] => list.map(({ job }) => job.id);
/** No listener is left on a worker, and all have ended. */
function requireEnded(count: number): void {
  expect(Thread.all).toHaveLength(count);
  for (const thread of Thread.all) {
    expect(thread.ended).toBe(true);
    expect(['message', 'error', 'exit'].map((name) => thread.listenerCount(name))).toEqual([0, 0, 0]);
  }
}

describe('jobs', () => {
  test('run in as many workers as there are, one at a time in each; each result is a line', async () => {
    Thread.answer = (thread, order) => {
      thread.say({ kind: 'progress', share: 0.5 });
      done(thread, order, order.job.id === 'b' ? Number.NaN : Number.NEGATIVE_INFINITY);
    };
    const { result, shares, left } = await runAll(here.at('all'), ['a', 'b', 'c']);
    expect(idsOf(await result)).toEqual(['a', 'b', 'c']);
    expect((await result)[1]).toEqual({ job: job('b'), values: { x: Number.NaN }, seconds: 2 });
    expect(shares.map(([id]) => id).sort()).toEqual(['a', 'b', 'c']);
    expect(left.map(([, rest]) => rest)).toEqual([2, 1, 0]);
    expect(Thread.all.flatMap(({ orders }) => orders).sort()).toEqual(['a', 'b', 'c']);
    expect(linesOf(here.at('all')).sort()).toEqual([line('a', '-Infinity'), line('b', 'NaN'), line('c', '-Infinity')]);
    requireEnded(2);
    // A second run computes nothing, and reads the numbers that JSON does not have.
    const again = await runAll(here.at('all'), ['c', 'b']);
    expect(await again.result).toEqual([
      { job: job('c'), values: { x: Number.NEGATIVE_INFINITY }, seconds: 2 },
      { job: job('b'), values: { x: Number.NaN }, seconds: 2 },
    ]);
    expect([Thread.all.length, again.left]).toEqual([2, []]);
  });

  test('without a result are run; damaged lines are ignored and terminated', async () => {
    const noValues = JSON.stringify({ job: job('c') });
    here.write('some', `${line('a', 'Infinity')}\n3\nnull\n${noValues}\n{"job":{"id":"b`);
    Thread.answer = done;
    const { result, left } = await runAll(here.at('some'), ['a', 'b', 'c'], { workers: 1 });
    expect((await result).map(({ values }) => values.x)).toEqual([Number.POSITIVE_INFINITY, 1, 1]);
    expect(left).toEqual([
      ['b', 1],
      ['c', 0],
    ]);
    expect(linesOf(here.at('some')).slice(4)).toEqual(['{"job":{"id":"b', line('b'), line('c')]);
    requireEnded(1);
  });

  test.each<[string, (thread: Thread) => void, string]>([
    ['fails', (thread) => thread.say({ kind: 'failed', message: 'no memory' }), 'b: no memory'],
    ['has an error', (thread) => thread.emit('error', new Error('broken')), 'broken'],
    ['ends', (thread) => thread.emit('exit', 3), 'b: its worker ended with code 3.'],
  ])('stop when the worker of one %s', async (name, end, message) => {
    Thread.answer = (thread, order) => {
      if (order.job.id === 'b') end(thread);
      else if (order.job.id !== 'a') done(thread, order); // a never ends
    };
    const { result } = await runAll(here.at(name), ['a', 'b', 'c', 'd']);
    await expect(result).rejects.toThrow(message);
    await new Promise((next) => setImmediate(next));
    expect(Thread.all.flatMap(({ orders }) => orders)).toEqual(['a', 'b']);
    requireEnded(2);
    expect(existsSync(here.at(name))).toBe(false);
  });

  test('stop when they are aborted, with the results so far', async () => {
    const stop = new AbortController();
    Thread.answer = (thread, order) => {
      if (order.job.id !== 'b') done(thread, order);
      else stop.abort();
    };
    const { result, left } = await runAll(here.at('aborted'), ['a', 'b', 'c'], { workers: 1, signal: stop.signal });
    expect(idsOf(await result)).toEqual(['a']);
    expect(left).toEqual([['a', 2]]);
    requireEnded(1);
    const before = await runAll(here.at('aborted'), ['a', 'b', 'c'], { signal: stop.signal });
    expect(idsOf(await before.result)).toEqual(['a']);
    expect(Thread.all.flatMap(({ orders }) => orders)).toEqual(['a', 'b']);
  });
});

describe('lab run', () => {
  const LABELS: Readonly<Record<string, number>> = {
    ...{ 'keep all': 1, 'dynamic programming, 10 %': 1.899, 'dynamic programming, 5 %': 1.949 },
    ...{ 'dynamic programming, 3 %': 1.979, 'dynamic programming, 2 %': 2.347, 'dynamic programming, 1 %': 2.822 },
    ...{ 'dynamic programming, 0.5 %': 3.644, 'sqrt, k = 17': 1.983, 'Revolve, 50 slots': 2.948 },
  };
  const answer = (thread: Thread, { job, experiment }: Order): void => {
    expect(experiment).toBe('a2');
    thread.say({ kind: 'progress', share: 0.129 });
    const values = { forwards: LABELS[job.label]!, peak: 0.5, ms: 1, time: 1.2, bytes: 1e6, memory: 0.5, same: 1 };
    thread.say({ kind: 'done', result: { values }, seconds: 75 });
  };

  /** What the command prints, to a terminal or not, and the code that it returns. */
  async function printed(options: object, isTerminal = false) {
    const { run } = await import('../../src/cli/lab/run.js');
    let stdout = '';
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      stdout += String(text);
      return true;
    });
    const { isTTY, columns } = process.stdout;
    if (isTerminal) Object.assign(process.stdout, { isTTY: true, columns: 60 });
    try {
      const rest = { seeds: 1, workers: 1, full: false, fresh: false, out: here.at('a2'), json: false, quiet: false };
      const code = await run('A2', { ...rest, ...options } as never);
      return { code, stdout };
    } finally {
      Object.assign(process.stdout, { isTTY, columns });
      spy.mockRestore();
    }
  }

  test('prints the jobs and the verdicts, and saves the report; a second run prints the report only', async () => {
    Thread.answer = answer;
    const first = await printed({});
    expect(first.code).toBe(0);
    const lines = first.stdout.split('\n');
    expect(lines[0]).toMatch(/^A2: /);
    expect(lines.filter((line) => /^\d\/9 /.test(line))).toEqual(
      Object.keys(LABELS).map((label, i) => `${i + 1}/9  ${label}, round 1  1:15`),
    );
    expect(first.stdout).toMatch(/\nVerdicts\n\n(holds {10}\S.*\n {15}\S.*\n)+\n/);
    const saved = `Saved ${here.at('a2/report.html')}, report.json and report.csv.\n`;
    expect(first.stdout).toMatch(/\n\n0:0\d\. Saved /);
    expect(first.stdout.endsWith(saved)).toBe(true);
    const report = JSON.parse(readFileSync(here.at('a2/report.json'), 'utf8'));
    expect(report.about[0]).toMatch(/^unspool lab run a2 --seeds 1: all figures/);
    expect(report.about[1]).toMatch(/^\d{4}-\d\d-\d\d, Node [\d.]+, .+, \d+ cores$/);
    expect(report.about.slice(2)).toEqual(['9 jobs; seeds 1', '11:15 of computing time']);
    expect(report.experiment.id).toBe('a2');
    expect(report.results.map((one: Done) => one.job.label)).toEqual(Object.keys(LABELS));
    expect(readFileSync(here.at('a2/report.csv'), 'utf8')).toContain('\nholds,claim,found\n');
    const files = readFileSync(here.at('a2/report.html'), 'utf8');
    expect(files).toContain('<li>9 jobs; seeds 1</li>');
    expect(existsSync(here.at('a2/results.jsonl.lock'))).toBe(false);
    const handlers = process.listenerCount('SIGINT');
    const second = await printed({});
    expect(Thread.all).toHaveLength(1);
    expect(second.stdout).not.toMatch(/^\d\/9 /m);
    expect(second.stdout).toContain('\nVerdicts\n');
    expect(process.listenerCount('SIGINT')).toBe(handlers);
  });

  test('fresh discards earlier results; full is in the report', async () => {
    Thread.answer = answer;
    const { stdout } = await printed({ fresh: true, json: true, full: true });
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ kind }) => kind).slice(0, 10)).toEqual([...new Array(9).fill('job'), 'verdict']);
    expect(records[0]).toMatchObject({ job: { label: 'keep all', seed: 1 }, values: { forwards: 1 }, seconds: 75 });
    const report = JSON.parse(readFileSync(here.at('a2/report.json'), 'utf8'));
    expect(report.about[0]).toContain('--seeds 1 --full: ');
    expect(records.filter(({ kind }) => kind === 'verdict')).toEqual(
      report.report.verdicts.map((verdict: object) => ({ kind: 'verdict', ...verdict })),
    );
  });

  test('draws the shares of running jobs in a terminal, cut to its width', async () => {
    Thread.answer = answer;
    const { stdout } = await printed({ fresh: true, workers: 2 }, true);
    expect(stdout).toContain('\r\x1b[Kkeep all, round 1 12 %');
    const bars = stdout
      .split('\r\x1b[K')
      .slice(1)
      .map((text) => text.split('\n')[0]!);
    expect(bars.some((bar) => / \| /.test(bar))).toBe(true);
    expect(Math.max(...bars.filter((bar) => bar.includes('%, round')).map((bar) => bar.length))).toBeLessThanOrEqual(
      60,
    );
    expect(bars.filter((bar) => /^\d\/9 /.test(bar))).toHaveLength(9);
    expect(bars).toContain(''); // no job runs any more
  });

  test('interrupted, it says how to continue', async () => {
    Thread.answer = (thread, order) => {
      if (order.job.label.startsWith('sqrt')) process.emit('SIGINT');
      else answer(thread, order);
    };
    const { code, stdout } = await printed({ fresh: true });
    expect(code).toBe(1);
    expect(stdout).toMatch(/\n\nInterrupted after 7 of 9 jobs\. Run the same command to continue\.\n$/);
  });

  test('an unknown experiment is refused, with a suggestion', async () => {
    const { run } = await import('../../src/cli/lab/run.js');
    const error = await run('a22', {} as never).catch((one: Error) => one.message);
    expect(error).toMatch(
      /^EXPERIMENT must be the id of an experiment, got "a22"\. Did you mean "a2"\? Experiments: a1, a2/,
    );
  });
});
