/** What runtimes.test.ts runs in each engine: trains with one thread and with two, saves, loads; prints one line of JSON. */
import { adam, createModel, describeBackend, fit } from '../../dist/index.js';
import { loadModel, saveModel } from '../../dist/node/index.js';

const [file] = process.argv.slice(-1);
const [steps, rows, width] = [20, 16, 24];
const batch = {
  steps,
  rows,
  inputs: Float32Array.from({ length: steps * rows * width }, (_, i) => Math.sin(i)),
  targets: Float32Array.from({ length: steps * rows * width }, (_, i) => Math.cos(i)),
};
const layers = [
  { kind: 'lstm', hiddenSize: 96 },
  { kind: 'linear', size: width },
];

async function train(threads) {
  const model = await createModel({ seed: 2, inputSize: width, layers }, { threads });
  const train = { stateful: false, length: 30, batch: () => batch };
  for await (const _ of fit(model, { train }, { optimizer: adam() })) await new Promise((r) => setTimeout(r, 10));
  const { loss, tape } = await model.gradients(batch);
  const ran = model.kernels.threads;
  return { model, result: { loss, ran, f: tape.steps[3].gates.f.get(0, 2) } };
}

const [one, two] = [await train(1), await train(2)];
await saveModel(file, two.model);
const loaded = await loadModel(file);
const again = await loaded.model.evaluate(batch);
one.model.dispose();
two.model.dispose();
console.log(JSON.stringify({ ...describeBackend(), one: one.result, two: two.result, again: again.loss }));
