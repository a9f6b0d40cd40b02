/** Run by the pages of page.test.ts that train in a worker, the bundled `entry.js` in the same folder. */
import { adam, createModel, fit, textStreams } from 'unspool';
import { createModelInWorker } from 'unspool/worker';

const data = textStreams('the quick brown fox jumps over the lazy dog. '.repeat(60), {
  batchSize: 16,
  steps: 32,
  validationSplit: 0.2,
});
const { size } = data.vocabulary;
const spec = (hiddenSize) => ({
  seed: 3,
  layers: [
    { kind: 'embedding', size, width: 8 },
    { kind: 'lstm', hiddenSize },
    { kind: 'linear', size },
  ],
});

/** The events of a training, and how often a timer of this thread fired while it ran. */
async function watched(training) {
  const events = [];
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  for await (const event of training) events.push(event);
  clearInterval(timer);
  return { events, ticks };
}

/** The same training on this thread and in a worker, with updates that take long. */
window.both = async () => {
  const [options, backend] = [{ optimizer: adam({ learningRate: 0.01 }), epochs: 2 }, { backend: 'reference' }];
  const here = await watched(fit(await createModel(spec(128), backend), data, options));
  const model = await createModelInWorker(spec(128), backend);
  const there = await watched(model.fit(data, options));
  await model.dispose();
  return { here, there };
};

/** Trains with threads, pauses, predicts, resumes and aborts; returns the update number at each of these. */
window.interrupt = async () => {
  const model = await createModelInWorker(spec(64), { threads: crossOriginIsolated ? 2 : 'auto' });
  const stop = new AbortController();
  const training = model.fit(data, { optimizer: adam(), epochs: 1e6, signal: stop.signal });
  const running = watched(training);
  const update = async () => (await training.checkpoint()).update;
  while ((await update()) < 10) await new Promise((resolve) => setTimeout(resolve, 10));
  await training.pause();
  const paused = await update();
  const { output } = await model.predict([1, 2, 3]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const still = await update();
  const { name } = model.kernels;
  training.resume();
  let threads = 1;
  const patience = crossOriginIsolated ? 200 : 5; // other pages have no threads
  for (let i = 0; i < patience && threads === 1; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    threads = await model.threads();
  }
  let resumed = await update();
  while (resumed <= paused) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    resumed = await update();
  }
  stop.abort();
  const { events } = await running;
  await model.dispose();
  return { name, paused, still, resumed, end: events.at(-1), outputs: output.size, threads };
};

/** Terminates a worker that the page created. */
window.lose = async () => {
  const worker = new Worker('own-worker.js', { type: 'module' });
  const model = await createModelInWorker(spec(16), { worker });
  try {
    for await (const event of model.fit(data, { optimizer: adam(), epochs: 1e6 })) {
      if (event.update === 5) setTimeout(() => worker.terminate());
    }
  } catch (error) {
    return error.problem;
  }
};

window.ready = true;
