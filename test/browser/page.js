/** Run by the pages of page.test.ts: the bundled package. */
import { adam, createModel, describeBackend, deserializeModel, fit, serializeModel, textStreams } from 'unspool';

const data = textStreams('the quick brown fox jumps over the lazy dog. '.repeat(60), {
  batchSize: 8,
  steps: 16,
  validationSplit: 0.2,
});
const { size } = data.vocabulary;
const layers = [
  { kind: 'embedding', size, width: 8 },
  { kind: 'lstm', hiddenSize: 48 },
  { kind: 'linear', size },
];

/** Trains, saves, loads and evaluates on the given backend. */
window.train = async (backend) => {
  const model = await createModel({ seed: 3, layers }, { backend, threads: 'auto' });
  const losses = [];
  for await (const event of fit(model, data, { optimizer: adam({ learningRate: 0.01 }), epochs: 3 })) {
    if (event.kind === 'validation') losses.push(event.loss);
  }
  const again = await deserializeModel(await serializeModel(model), { backend });
  const { loss } = await again.model.evaluate(data.train.batch(0));
  return { losses, loss, name: model.kernels.name, ...describeBackend({ backend, threads: 'auto' }) };
};

window.look = async () => {
  const model = await createModel({ seed: 3, layers });
  const { tape } = await model.gradients(data.train.batch(0));
  return [tape.steps[3].gates.f.get(1, 2), tape.steps[3].grad.gates.f.get(1, 2)];
};

window.ready = true;
