/** The jobs of an experiment, in workers side by side; what is done is written at once, and not done again. */
import { Worker } from 'node:worker_threads';
import type { Done, Experiment, Job, JobResult } from '../../lab/experiments/experiment.js';
import { appendText, readBytes } from '../../node/index.js';

/** From a worker. */
export type Answer =
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'done'; readonly result: JobResult; readonly seconds: number }
  | { readonly kind: 'failed'; readonly message: string };

/** To a worker. */
export interface Order {
  readonly experiment: string;
  readonly job: Job;
}

export interface JobEvents {
  progress(job: Job, share: number): void;
  done(one: Done, left: number): void;
}

/** Numbers that JSON has no words for, in words. */
const plain = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
const lively = (_key: string, value: unknown): unknown =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value;

/** What a file of results holds already. A last line that was cut off in the middle counts for nothing, and is ended here. */
async function resultsIn(file: string): Promise<Map<string, Done>> {
  const bytes = await readBytes(file).catch((error) => {
    if (error?.problem?.cause === 'ENOENT') return new Uint8Array(0);
    throw error;
  });
  const text = new TextDecoder().decode(bytes);
  if (text !== '' && !text.endsWith('\n')) await appendText(file, '\n'); // or the next line would be lost with it
  const found = new Map<string, Done>();
  for (const line of text.split('\n')) {
    try {
      const one = JSON.parse(line, lively) as Done;
      if (one?.job?.id && one.values) found.set(one.job.id, one);
    } catch {}
  }
  return found;
}

/**
 * Runs the jobs that `file` has no results of, `workers` at a time, and adds each result as a line. Returns the results of all
 * jobs in their order. An aborted run leaves what was done.
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
  const stop = new AbortController(); // also where one lane fails: then the others end as well
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
        written = written.then(() => appendText(file, `${JSON.stringify(one, plain)}\n`)); // one at a time
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

/** Null where it was aborted. */
function ask(
  worker: Worker,
  order: Order,
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<Done | null> {
  return new Promise((resolve, reject) => {
    // Each listener by its name: a worker has some of its own, which have to stay.
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
