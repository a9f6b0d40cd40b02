/**
 * Run by runtimes.test.ts in each engine: trains with one thread, with two, and with two in a worker, where it also pauses
 * and aborts; saves and loads; prints one line of JSON.
 */
import { adam, createModel, describeBackend, fit } from '../../dist/index.js';
import { loadModel, saveModel } from '../../dist/node/index.js';
import { createModelInWorker } from '../../dist/worker/index.js';

const [file] = process.argv.slice(-1);
const [steps, batchSize, width] = [20, 16, 24];
const batch = {
  steps,
  batchSize,
  inputs: Float32Array.from({ length: steps * batchSize * width }, (_, i) => Math.sin(i)),
  targets: Float32Array.from({ length: steps * batchSize * width }, (_, i) => Math.cos(i)),
};
const layers = [
  { kind: 'lstm', hiddenSize: 96 },
  { kind: 'linear', size: width },
];

const spec = { seed: 2, inputSize: width, layers };
const train30 = { stateful: false, length: 30, batch: () => batch };

async function train(threads) {
  const model = await createModel(spec, { threads });
  for await (const _ of fit(model, { train: train30 }, { optimizer: adam() }))
    await new Promise((r) => setTimeout(r, 10));
  for (let i = 0; i < 500 && model.kernels.threads < threads; i++) {
    await new Promise((r) => setTimeout(r, 20)); // until the threads are ready
    const { tape, gradients } = await model.gradients(batch);
    for (const done of [tape, gradients]) done.free();
  }
  const { loss, tape } = await model.gradients(batch);
  const ran = model.kernels.threads;
  return { model, result: { loss, ran, f: tape.steps[3].gates.f.get(0, 2) } };
}

async function trainInWorker(threads) {
  const model = await createModelInWorker(spec, { threads });
  const training = model.fit({ train: train30 }, { optimizer: adam(), ahead: 0 });
  let paused = 0;
  for await (const event of training) {
    if (event.kind !== 'update' || event.update % 10 !== 0) continue;
    await training.pause();
    paused += (await training.checkpoint()).update;
    training.resume();
  }
  const { loss } = await model.evaluate(batch);
  for (let i = 0; i < 500 && (await model.threads()) < threads; i++) {
    await new Promise((r) => setTimeout(r, 20)); // until the threads are ready
    await model.evaluate(batch);
  }
  const ran = await model.threads();
  const stop = new AbortController();
  const events = [];
  for await (const event of model.fit({ train: train30 }, { optimizer: adam(), epochs: 1e6, signal: stop.signal })) {
    if (events.push(event) === 5) stop.abort();
  }
  await model.dispose();
  return { loss, ran, paused, end: events.at(-1).reason };
}

/** The loss before training, with the products of a native library, or why there is none. */
async function nativeLoss() {
  try {
    const model = await createModel(spec, { backend: 'blas' });
    const { loss } = await model.evaluate(batch);
    model.dispose();
    return loss;
  } catch (error) {
    return error.message;
  }
}

async function firstLoss() {
  const model = await createModel(spec);
  const { loss } = await model.evaluate(batch);
  model.dispose();
  return loss;
}

const [one, two] = [await train(1), await train(2)];
await saveModel(file, two.model);
const loaded = await loadModel(file);
const again = await loaded.model.evaluate(batch);
const inWorker = await trainInWorker(2);
const refused = await createModelInWorker({ ...spec, layers: [] }).catch(({ code }) => code);
one.model.dispose();
two.model.dispose();
const [first, native] = [await firstLoss(), await nativeLoss()];
const results = { one: one.result, two: two.result, again: again.loss, inWorker, refused, first, native };
console.log(JSON.stringify({ ...describeBackend(), ...results }));
