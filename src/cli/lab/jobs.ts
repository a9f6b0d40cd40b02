/** Runs the jobs of an experiment in parallel workers. Each result is saved immediately, and not computed again. */
import { Worker } from 'node:worker_threads';
import type { Done, Experiment, Job, JobResult } from '../../lab/experiments/experiment.js';
import { appendText, readBytes } from '../../node/index.js';

/** A message from a worker. */
export type Answer =
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'done'; readonly result: JobResult; readonly seconds: number }
  | { readonly kind: 'failed'; readonly message: string };

/** A message to a worker. */
export interface Order {
  readonly experiment: string;
  readonly job: Job;
}

export interface JobEvents {
  progress(job: Job, share: number): void;
  done(one: Done, left: number): void;
}

/** JSON has no NaN and no infinities: they are saved as text. */
const toJson = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
const fromJson = (_key: string, value: unknown): unknown =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value;

/** The results in a file, by job. An incomplete last line is ignored and terminated. */
async function resultsIn(file: string): Promise<Map<string, Done>> {
  const bytes = await readBytes(file).catch((error) => {
    if (error?.problem?.cause === 'ENOENT') return new Uint8Array(0);
    throw error;
  });
  const text = new TextDecoder().decode(bytes);
  if (text !== '' && !text.endsWith('\n')) await appendText(file, '\n'); // otherwise the next line would be damaged too
  const found = new Map<string, Done>();
  for (const line of text.split('\n')) {
    try {
      const one = JSON.parse(line, fromJson) as Done;
      if (one?.job?.id && one.values) found.set(one.job.id, one);
    } catch {}
  }
  return found;
}

/**
 * Runs the jobs without a result in `file`, `workers` at a time, and appends each result as a line. Returns the results of
 * all jobs in order, or fewer if the run was aborted.
 */
export async function runJobs(
  experiment: Experiment,
  jobs: readonly Job[],
  options: {
    readonly file: string;
    readonly workers: number;
    readonly signal: AbortSignal;
    readonly events: JobEvents;
  },
): Promise<Done[]> {
  const { file, workers, events } = options;
  const stop = new AbortController(); // if one lane fails, the others stop as well
  const { signal } = stop;
  options.signal.addEventListener('abort', () => stop.abort(), { once: true });
  if (options.signal.aborted) stop.abort();
  const found = await resultsIn(file);
  const left = jobs.filter((job) => !found.has(job.id));
  let open = left.length;
  let written = Promise.resolve();
  const lane = async (): Promise<void> => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
    try {
      for (let job = left.shift(); job && !signal.aborted; job = left.shift()) {
        const one = await ask(worker, { experiment: experiment.id, job }, signal, (share) =>
          events.progress(job!, share),
        );
        if (!one) return;
        found.set(job.id, one);
        written = written.then(() => appendText(file, `${JSON.stringify(one, toJson)}\n`)); // one write at a time
        await written;
        events.done(one, --open);
      }
    } catch (error) {
      stop.abort();
      throw error;
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, left.length) }, lane));
  return jobs.flatMap(({ id }) => found.get(id) ?? []);
}

/** Runs one job in a worker. Null if it was aborted. */
function ask(
  worker: Worker,
  order: Order,
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<Done | null> {
  return new Promise((resolve, reject) => {
    // Listeners are removed one by one, because the worker has others that must stay.
    const listeners = {
      message(answer: Answer): void {
        if (answer.kind === 'progress') progress(answer.share);
        else if (answer.kind === 'failed') end(() => reject(new Error(`${order.job.id}: ${answer.message}`)));
        else end(() => resolve({ job: order.job, ...answer.result, seconds: answer.seconds }));
      },
      error: (error: Error): void => end(() => reject(error)),
      exit: (code: number): void =>
        end(() => reject(new Error(`${order.job.id}: its worker ended with code ${code}.`))),
    };
    const abort = (): void => end(() => resolve(null));
    const end = (act: () => void): void => {
      for (const [name, listener] of Object.entries(listeners)) worker.off(name, listener);
      signal.removeEventListener('abort', abort);
      act();
    };
    signal.addEventListener('abort', abort);
    for (const [name, listener] of Object.entries(listeners)) worker.on(name, listener);
    worker.postMessage(order);
  });
}
