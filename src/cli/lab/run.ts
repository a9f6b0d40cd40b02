import { rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { didYouMean } from '../../checks.js';
import { invalidSetting } from '../../errors.js';
import type { Done, Experiment, Report } from '../../lab/experiments/experiment.js';
import { EXPERIMENTS } from '../../lab/experiments/index.js';
import { lockFile } from '../../node/index.js';
import { clock, createOutput, type Output } from '../output.js';
import { saveReport } from '../paths.js';
import { tableText } from '../report/tables.js';
import { runtimeOf } from '../runtime.js';
import { stopOnSignal } from '../signals.js';
import { runJobs } from './jobs.js';
import type { RunOptions } from './options.js';
import { reportCsv, reportPage } from './page.js';

function experimentOf(id: string): Experiment {
  const found = EXPERIMENTS.find((one) => one.id === id.toLowerCase());
  if (found) return found;
  const ids = EXPERIMENTS.map((one) => one.id);
  const help = `${didYouMean(id, ids)} Experiments: ${ids.join(', ')}.`.trim();
  throw invalidSetting('EXPERIMENT', `must be the id of an experiment, got "${id}".`, help);
}

/** `unspool lab run EXPERIMENT`: the exit code is 0 if all jobs are done, whatever the verdict. */
export async function run(id: string, options: RunOptions): Promise<number> {
  const experiment = experimentOf(id);
  const out = createOutput(options);
  const { seeds, workers = os.availableParallelism(), full, fresh } = options;
  const { out: folder = join('runs', 'lab', experiment.id) } = options;
  const file = join(folder, 'results.jsonl');
  const unlock = await lockFile(file, { onWait: out.warn });
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  try {
    if (fresh) await rm(file, { force: true });
    const jobs = experiment.jobs({ seeds, full });
    out.print(`${experiment.id.toUpperCase()}: ${experiment.title}\n${experiment.question}\n`);
    const started = Date.now();
    const done = await runJobs(experiment, jobs, {
      file,
      workers,
      signal: stop.signal,
      events: progress(out, jobs.length),
    });
    if (done.length < jobs.length) {
      out.print(`\nInterrupted after ${done.length} of ${jobs.length} jobs. Run the same command to continue.`);
      return 1;
    }
    const report = experiment.report(done);
    const about = circumstances(experiment, done, seeds, full);
    await write(folder, experiment, report, done, about);
    printReport(out, report, folder, (Date.now() - started) / 1000);
    return 0;
  } finally {
    release();
    await unlock();
  }
}

function progress(out: Output, total: number) {
  const shares = new Map<string, number>();
  const draw = (): void => {
    if (!out.live) return;
    const running = [...shares].map(([id, share]) => `${id} ${Math.floor(100 * share)} %`).join(' | ');
    process.stdout.write(`\r\x1b[K${running}`.slice(0, (process.stdout.columns ?? 80) + 4));
  };
  return {
    progress(job: { id: string }, share: number) {
      shares.set(job.id, share);
      draw();
    },
    done(one: Done, left: number) {
      shares.delete(one.job.id);
      if (out.live) process.stdout.write('\r\x1b[K');
      out.print(
        `${String(total - left).padStart(String(total).length)}/${total}  ${one.job.id}  ${clock(one.seconds)}`,
      );
      out.record({ kind: 'job', ...one });
      draw();
    },
  };
}

function circumstances({ id }: Experiment, done: readonly Done[], seeds: number, full: boolean): string[] {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown processor';
  const seconds = done.reduce((sum, one) => sum + one.seconds, 0);
  return [
    `unspool lab run ${id} --seeds ${seeds}${full ? ' --full' : ''}: all figures, except those that are named as a paper's or as our NumPy's`,
    `${new Date().toISOString().slice(0, 10)}, ${runtimeOf().name}, ${cpu}, ${os.availableParallelism()} cores`,
    `${done.length} jobs; seeds ${[...new Set(done.map((one) => one.job.seed))].join(', ')}`,
    `${clock(seconds)} of computing time`,
  ];
}

async function write(
  folder: string,
  experiment: Experiment,
  report: Report,
  done: readonly Done[],
  about: readonly string[],
) {
  const { id, title, question, source, papers } = experiment;
  const whole = { experiment: { id, title, question, source, papers }, about, report, results: done };
  await saveReport('--out', join(folder, 'report.json'), `${JSON.stringify(whole, null, 1)}\n`);
  await saveReport('--out', join(folder, 'report.csv'), reportCsv(report));
  await saveReport('--out', join(folder, 'report.html'), await reportPage(experiment, report, about));
}

function printReport(out: Output, report: Report, folder: string, seconds: number): void {
  for (const table of report.tables) out.print(`\n${table.title}\n\n${tableText(table)}`);
  out.print('\nVerdicts\n');
  for (const { claim, found, holds } of report.verdicts) {
    out.print(`${holds ? 'holds         ' : 'does not hold '} ${claim}\n               ${found}`);
    out.record({ kind: 'verdict', claim, found, holds });
  }
  out.print(`\n${clock(seconds)}. Saved ${join(folder, 'report.html')}, report.json and report.csv.`);
}
