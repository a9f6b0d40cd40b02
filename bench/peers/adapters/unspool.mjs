/** Unspool's public API. Options: `backend`, `precision`, `threads`, and `fused` for wider vectors on Node 24. */
import { adam, createModel, fit } from '../../../dist/index.js';
import { revectorize } from '../../../dist/node/index.js';
import { ADAM } from '../workloads.mjs';

export async function create(workload, data, { fused = false, ...backend }) {
  if (fused && !(await revectorize())) throw new Error('this engine does not fuse vectors, or is not faster with it');
  const { model, step } = await engine(workload, data, backend);
  const { name, variant, threads } = model.kernels;
  return {
    step,
    note: () => `${name}${variant ? ` ${variant}` : ''}, ${model.kernels.threads ?? threads ?? 1} threads`,
  };
}

/** The model and its step; kernels.mjs uses it too. */
export async function engine(workload, { inputs, targets, parameters }, backend) {
  const { kind, I, hidden, O, B, T } = workload;
  const layers = [
    ...hidden.map((hiddenSize) => ({ kind: 'lstm', hiddenSize, bias: 'single' })),
    { kind: 'linear', size: O },
  ];
  const model = await createModel({ inputSize: I, layers }, backend);
  for (const [name, { data }] of Object.entries(parameters)) model.parameters.set(name, data);
  if (kind === 'stream') {
    const stream = model.stream(B);
    return { model, step: () => stream.step(inputs) };
  }
  if (kind === 'sequence') {
    const tape = model.tape({ steps: T, batchSize: B }, { gradients: false });
    tape.begin();
    tape.forward(model.parameters, inputs); // packs the weights, as a stream's first step does
    const step = () => {
      tape.begin();
      tape.forward(model.parameters, inputs);
      return tape.output.data.array;
    };
    return { model, step };
  }
  const batch = { steps: T, batchSize: B, inputs, targets };
  const train = { stateful: false, length: Number.MAX_SAFE_INTEGER, batch: () => batch };
  const events = fit(model, { train }, { optimizer: adam(ADAM) })[Symbol.asyncIterator]();
  return { model, step: async () => (await events.next()).value.loss };
}
