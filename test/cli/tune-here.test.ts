/** `unspool tune` in this process, with worker processes whose answers the test decides. */
import { EventEmitter } from 'node:events';
import { availableParallelism } from 'node:os';
import { describe, expect, jest, test } from '@jest/globals';
import { DEFAULTS } from '../../src/cli/train/settings.js';
import { orderOf, planStudy } from '../../src/cli/tune/plan.js';
import { TrialPool, type TrialWorker } from '../../src/cli/tune/pool.js';
import type { FromWorker, ToWorker } from '../../src/cli/tune/worker.js';
import { tuneCommand } from '../../src/cli/tune.js';
import type { TrialContext } from '../../src/tune/search.js';
import { runHere, temporaryFolder } from './in-process.js';

type TrialMessage = Extract<ToWorker, { kind: 'trial' }>;

/** In place of a worker process. */
class Worker extends EventEmitter {
  static answer: (worker: Worker, message: ToWorker) => void = () => {};
  connected = true;
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  readonly sent: ToWorker[] = [];
  readonly kills: string[] = [];
  send(message: ToWorker): void {
    this.sent.push(message);
    setImmediate(() => Worker.answer(this, message));
  }
  say(message: FromWorker): void {
    this.emit('message', message);
  }
  kill(signal: string): void {
    this.kills.push(signal);
  }
  end(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.exitCode = code;
    this.signalCode = signal;
    this.connected = false;
    this.emit('exit');
  }
  /** Listeners for the time of a trial; that of the pool for the end of the process stays. */
  get counts(): number[] {
    return ['message', 'error', 'exit'].map((name) => this.listenerCount(name));
  }
}
const forked: { file: string; options: object; worker: Worker }[] = [];
jest.mock('node:child_process', () => ({
  ...(jest.requireActual('node:child_process') as object),
  fork: (file: string, options: object) => {
    const worker = new Worker();
    forked.push({ file, options, worker });
    return worker;
  },
}));

describe('a pool', () => {
  const trial = { kind: 'trial', rungs: [] } as unknown as TrialMessage;
  function start(report: (value: number) => Promise<boolean> = async () => true) {
    const workers: Worker[] = [];
    const pool = new TrialPool(() => {
      workers.push(new Worker());
      return workers.at(-1) as unknown as TrialWorker;
    });
    const stop = new AbortController();
    const [added, removed] = [
      jest.spyOn(stop.signal, 'addEventListener'),
      jest.spyOn(stop.signal, 'removeEventListener'),
    ];
    const context = { number: 0, rungs: [], report, signal: stop.signal } as TrialContext;
    const left = () => added.mock.calls.length - removed.mock.calls.length;
    return { workers, pool, context, stop, left };
  }

  test('uses a process again, and sends it the decisions', async () => {
    const { workers, pool, context, left } = start(async (value) => value < 2);
    Worker.answer = (worker, message) => {
      if (message.kind === 'trial') worker.say({ kind: 'report', value: 1 });
      else if (worker.sent.length === 2) worker.say({ kind: 'report', value: 2 });
      else worker.say({ kind: 'done', value: 7 });
    };
    expect(await pool.run(trial, context)).toBe(7);
    expect(workers[0]!.sent.slice(1)).toEqual([true, false].map((continues) => ({ kind: 'decision', continues })));
    Worker.answer = (worker) => worker.say({ kind: 'done', value: 8 });
    expect(await pool.run(trial, context)).toBe(8);
    expect([workers.length, left()]).toEqual([1, 0]);
    expect(workers[0]!.counts).toEqual([0, 0, 1]);
    const both = await Promise.all([pool.run(trial, context), pool.run(trial, context)]);
    expect([both, workers.length]).toEqual([[8, 8], 2]);
    workers[0]!.end(0);
    pool.close();
    expect(workers.map(({ kills }) => kills)).toEqual([[], ['SIGKILL']]); // the first had ended
  });

  test('replaces a process that ends once, without a second report', async () => {
    const reports: number[] = [];
    const { workers, pool, context } = start(async (value) => reports.push(value) > 0);
    Worker.answer = (worker, message) => {
      if (message.kind === 'trial') worker.say({ kind: 'report', value: 3 });
      else if (workers.length === 1) worker.end(null, 'SIGKILL');
      else worker.say({ kind: 'done', value: 5 });
    };
    expect(await pool.run(trial, context)).toBe(5);
    expect([reports, workers.length]).toEqual([[3], 2]);
    expect(workers[1]!.sent[1]).toEqual({ kind: 'decision', continues: true });
    expect(workers.map(({ counts }) => counts[0])).toEqual([0, 0]);
    Worker.answer = (worker) => worker.end(9);
    await expect(pool.run(trial, context)).rejects.toThrow('its process ended (9).');
    expect(workers).toHaveLength(3); // the idle one, and one more
    Worker.answer = (worker) => {
      worker.signalCode = 'SIGSEGV';
      worker.emit('error', new Error('not started'));
    };
    await expect(pool.run(trial, context)).rejects.toThrow('its process ended (SIGSEGV).');
    expect(workers).toHaveLength(5);
  });

  test('keeps the process of a trial that fails, and sends nothing to one that has ended', async () => {
    const { workers, pool, context } = start(async () => {
      workers[0]!.connected = false;
      setImmediate(() => workers[0]!.say({ kind: 'failed', message: 'too large' }));
      return true;
    });
    Worker.answer = (worker) => worker.say({ kind: 'report', value: 1 });
    await expect(pool.run(trial, context)).rejects.toThrow('too large');
    expect(workers[0]!.sent).toEqual([trial]);
    Worker.answer = (worker) => worker.say({ kind: 'done', value: 2 });
    expect(await pool.run(trial, context)).toBe(2);
    expect(workers).toHaveLength(1);
  });

  test('passes on what a report throws', async () => {
    const { pool, context } = start(async () => {
      throw new Error('disk full');
    });
    Worker.answer = (worker) => worker.say({ kind: 'report', value: 1 });
    await expect(pool.run(trial, context)).rejects.toThrow('disk full');
  });

  test('kills the process of a trial that is aborted, and does not use it again', async () => {
    const { workers, pool, context, stop, left } = start();
    Worker.answer = () => stop.abort();
    await expect(pool.run(trial, context)).rejects.toThrow('aborted');
    expect([workers[0]!.kills, left()]).toEqual([['SIGKILL'], 0]);
    await expect(pool.run(trial, context)).rejects.toThrow('aborted');
    expect(workers[1]!.sent).toEqual([]);
    const ends = start();
    Worker.answer = (worker) => {
      ends.stop.signal.addEventListener('abort', () => worker.end(1));
      Object.defineProperty(ends.stop.signal, 'aborted', { value: true });
      worker.end(1);
    };
    await expect(ends.pool.run(trial, ends.context)).rejects.toThrow('its process ended (1).');
    expect(ends.workers).toHaveLength(1); // no second attempt after the end of the search
  });
});

describe('a study', () => {
  const here = temporaryFolder();
  const text = here.write('text.txt', 'the cat sat on the mat. '.repeat(40));
  const search = (rest: object = {}) =>
    here.write('search.json', JSON.stringify({ text, lr: { choices: [0.1, 0.2, 0.3] }, hiddenSize: 6, ...rest }));
  const lossOf = ({ settings }: TrialMessage): number => 10 * (settings as { lr: number }).lr;
  const answer = (worker: Worker, message: ToWorker): void => {
    if (message.kind === 'trial') worker.say({ kind: 'done', value: lossOf(message) });
  };
  const args = ['--method', 'grid', '--workers', '1', '--out', here.at('study')];

  test('prints its trials and the best one, and saves its configuration', async () => {
    Worker.answer = answer;
    const printed = await runHere(tuneCommand, search(), ...args);
    const lines = printed.split('\n');
    expect(lines[0]).toBe('3 trials (grid) of lr, 1 at a time.');
    const order = lines.slice(1, 4).map((line) => Number(/ lr ([\d.]+) /.exec(line)![1]));
    expect(lines.slice(1, 4)).toEqual(
      order.map((lr, i) => `${i + 1}/3  trial ${i}: ${(10 * lr).toFixed(4)} (finished)  lr ${lr}  0:00`),
    );
    expect([...order].sort()).toEqual([0.1, 0.2, 0.3]);
    expect(printed).toContain('\n\nImportance of the settings\n\nsetting  importance      best values\nlr');
    expect(lines.slice(-5)).toEqual([
      '',
      `Best: trial ${order.indexOf(0.1)}, validation loss 1.0000, lr 0.1.`,
      `Saved ${here.at('study/best.json')} and report.html. To train with these settings:`,
      `  npx unspool train --config ${here.at('study/best.json')}`,
      '',
    ]);
    expect(JSON.parse(here.read('study/best.json').toString())).toEqual({ text, lr: 0.1, hiddenSize: 6 });
    expect(forked).toHaveLength(1);
    expect(forked[0]!.file).toMatch(/tune\/worker\.js$/);
    expect(forked[0]!.options).toEqual({
      ...{ execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    });
    expect(forked[0]!.worker.kills).toEqual(['SIGKILL']);
    expect(here.has('study/trials.jsonl.lock')).toBe(false);
    const again = await runHere(tuneCommand, search(), ...args, '--json');
    const records = again
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ kind }) => kind)).toEqual(['start', 'result']);
    expect(records[0]).toMatchObject({ folder: here.at('study'), method: 'grid', workers: 1, trials: 3, done: 3 });
    expect(records[1]).toMatchObject({ best: { number: order.indexOf(0.1), value: 1, state: 'finished' } });
    const continued = (await runHere(tuneCommand, search(), ...args)).split('\n')[0];
    expect(continued).toBe('3 trials (grid) of lr, 1 at a time. Continuing after 3.');
    await expect(runHere(tuneCommand, search({ hiddenSize: 7 }), ...args)).rejects.toThrow('another study: base was');
    await expect(runHere(tuneCommand, search(), ...args, '--seed', '2')).rejects.toThrow('seed was 1 and is 2.');
  });

  test('of trials that all fail has no best one, and gives 1', async () => {
    Worker.answer = (worker) => worker.say({ kind: 'failed', message: 'too large' });
    const failing = ['--method', 'random', '--trials', '2', '--workers', '1', '--out', here.at('failed')];
    let printed = '';
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
    const { parseCommand } = await import('../../src/cli/parse.js');
    const { args, options } = parseCommand(tuneCommand, [search(), ...failing]);
    const code = await tuneCommand.run(args, options).finally(() => spy.mockRestore());
    expect(code).toBe(1);
    expect(printed).toMatch(/^1\/2 {2}trial 0: too large {2}lr 0\.\d {2}0:00$/m);
    expect(printed.endsWith('\nAll trials failed.\n')).toBe(true);
    expect(here.has('failed/best.json')).toBe(false);
    expect(here.has('failed/report.html')).toBe(true);
  });

  test.each([
    ['SIGINT', [], 'Interrupted', 1],
    ['the budget', ['--budget', '0.05s'], 'The budget ended', 0],
  ])('ended by %s says how to continue', async (name, budget, why, expected) => {
    Worker.answer = (worker, message) => {
      if (message.kind !== 'trial') return;
      if (worker.sent.length < 2) worker.say({ kind: 'done', value: 1 });
      else if (budget.length === 0) process.emit('SIGINT');
    };
    let printed = '';
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
    const { parseCommand } = await import('../../src/cli/parse.js');
    const { args: all, options } = parseCommand(tuneCommand, [
      search(),
      ...args.slice(0, -1),
      here.at(name),
      ...budget,
    ]);
    const handlers = process.listenerCount('SIGINT');
    const code = await tuneCommand.run(all, options).finally(() => spy.mockRestore());
    expect([code, process.listenerCount('SIGINT')]).toEqual([expected, handlers]);
    expect(printed.endsWith(`${why} after 1 of 3 trials. Run the same command to continue.\n`)).toBe(true);
    expect(forked.at(-1)!.worker.kills).toContain('SIGKILL');
  });

  test('has the flags as options, and its defaults', async () => {
    const flags = { method: 'asha', seed: 1, factor: 3, rungs: 3 } as never;
    const study = await planStudy([search()], flags);
    expect(study.options).toEqual({ method: 'asha', seed: 1, factor: 3, rungs: 3, workers: availableParallelism() });
    expect([study.folder, study.file, study.taskStudy]).toEqual(['runs/tune-search', text, null]);
    const given = await planStudy([search(), 'other.txt'], { workers: 3, trials: 5, out: 'o' } as never);
    expect(given).toMatchObject({ folder: 'o', file: 'other.txt', options: { workers: 3, trials: 5 } });
    expect((await planStudy([search()], { distributed: 'mpi' } as never)).options.workers).toBe(1);
    expect(orderOf(study, { lr: 0.2 })).toEqual({
      ...{ job: 'text', textFile: text, asText: false, backend: undefined, threads: 1 },
      settings: { ...DEFAULTS, lr: 0.2, hiddenSize: 6 },
    });
    const machine = await planStudy([search({ asText: true, backend: 'reference', threads: 2 })], flags);
    expect(orderOf(machine, { lr: 0.2 })).toMatchObject({ asText: true, backend: 'reference', threads: 2 });
  });

  test.each([
    [{}, ['--folds', '2'], '--folds is for classifiers and taggers; forecasters have --origins.'],
    [{}, ['--origins', '2'], '--origins is for forecasters.'],
    [{ text: undefined }, [], 'missing TEXT: a UTF-8 text file, here or as "text" in the configuration.'],
    [{}, ['--rank-timeout', '9'], '--rank-timeout needs --distributed mpi.'],
    [{}, ['--budget', '9'], '--budget must be a time such as 90s, 20m or 1.5h, got "9".'],
  ])('%j with %j is rejected', async (config, flags, message) => {
    await expect(runHere(tuneCommand, search(config), ...args, ...flags)).rejects.toThrow(message);
  });

  test('of another task has its folds', async () => {
    const of = (config: object, flags: object = {}) =>
      planStudy(
        [here.write('task.json', JSON.stringify({ lr: { choices: [1, 2] }, table: 't.csv', ...config }))],
        flags as never,
      );
    const forecast = { target: 'y', history: 4, horizon: 2, test: 3 };
    expect((await of(forecast)).taskStudy).toMatchObject({ task: 'forecasting', file: 't.csv', folds: 3 });
    expect((await of(forecast, { origins: 5 })).taskStudy!.folds).toBe(5);
    for (const test of [0, 0.1, undefined])
      await expect(of({ ...forecast, test })).rejects.toThrow('the configuration needs "test", a number of rows');
    await expect(of(forecast, { folds: 2 })).rejects.toThrow('--folds is for classifiers');
    const label = { label: 'k' };
    expect((await of(label)).taskStudy).toMatchObject({ task: 'classification', folds: 1 });
    expect((await of(label, { folds: 4 })).taskStudy!.folds).toBe(4);
    await expect(of(label, { origins: 4 })).rejects.toThrow('--origins is for forecasters.');
    await expect(of({ ...label, validation: 0 })).rejects.toThrow('"validation" must be more than 0');
    expect((await of({ ...label, validation: 0 }, { folds: 2 })).taskStudy!.folds).toBe(2);
    expect((await of({ tags: 'k' })).taskStudy!.task).toBe('tagging');
    const { taskStudy, ...study } = await of(label);
    expect(orderOf({ ...study, taskStudy }, { lr: 2 })).toEqual({
      ...{ job: 'task', study: taskStudy, backend: undefined, threads: 1 },
      settings: { table: 't.csv', label: 'k', lr: 2 },
    });
  });
});
