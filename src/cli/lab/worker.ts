/** A worker of `unspool lab run`: one job at a time. */
import { parentPort } from 'node:worker_threads';
import { EXPERIMENTS } from '../../lab/experiments/index.js';
import type { Answer, Order } from './jobs.js';

const send = (answer: Answer): void => parentPort!.postMessage(answer);

parentPort!.on('message', async ({ experiment, job }: Order) => {
  try {
    const start = performance.now();
    const result = await EXPERIMENTS.find(({ id }) => id === experiment)!.run(job, (share) =>
      send({ kind: 'progress', share }),
    );
    send({ kind: 'done', result, seconds: (performance.now() - start) / 1000 });
  } catch (error) {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
});
