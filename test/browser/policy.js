/** Run by the pages of page.test.ts under a content-security policy: what a user calls and reads, here and in a worker. */
import { adam, createModel, describeBackend, deserializeModel, evaluate, fit, serializeModel } from 'unspool';
import { toNdarray, trace } from 'unspool/inspect';
import { createModelInWorker } from 'unspool/worker';

const spec = {
  inputSize: 1,
  layers: [
    { kind: 'lstm', hiddenSize: 2 },
    { kind: 'linear', size: 1 },
  ],
};
const batch = { steps: 3, batchSize: 1, inputs: [0.1, 0.2, 0.3], targets: [0.2, 0.3, 0.4] };
const source = { stateful: false, length: 2, batch: () => batch };

const codeOf = async (act) => {
  try {
    await act();
    return 'none';
  } catch (error) {
    return error.code ?? error.name;
  }
};

window.everything = async () => {
  const model = await createModel(spec);
  for await (const _ of fit(model, { train: source }, { optimizer: adam() }));
  const { output, state } = await model.predict([0.1, 0.2]);
  const next = await model.predict([0.3], { from: state });
  const { tape } = await model.gradients(batch);
  const seen = [];
  await evaluate(model, source, undefined, (values) => seen.push(...values));
  const loaded = await deserializeModel(await serializeModel(model));
  const worker = await createModelInWorker(spec);
  const there = await worker.predict([0.1, 0.2]);
  const kernels = worker.kernels.name;
  await worker.dispose();
  return {
    names: [model.kernels.name, loaded.model.kernels.name, kernels],
    numbers: [
      ...output.toArray().flat(2),
      ...next.output,
      output.get(1, 0, 0),
      output.transpose(1, 0, 2).pick(0, null, null).hi(1).get(0, 0),
      tape.steps[2].gates.f.get(0, 1),
      tape.steps[2].grad.gates.f.get(0, 1),
      tape.output.data.slice()[0],
      model.parameters.get('head.bias').get(0),
      there.output.get(1, 0, 0),
      ...seen,
      (await trace(model, batch)).loss,
    ],
    reasons: [describeBackend().reason, model.kernels.reason ?? null],
    codes: [
      await codeOf(() => createModel(spec, { backend: 'wasm' })),
      await codeOf(() => createModelInWorker(spec, { backend: 'wasm' })),
      await codeOf(() => toNdarray(output)),
    ],
  };
};
window.ready = true;
