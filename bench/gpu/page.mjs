/** The page of `npm run bench -- gpu`. It runs one engine at a time, so that no other engine uses the machine. */
import * as gpuJs from 'gpu.js';
import { adam, createModel, fit } from '../../dist/index.js';
import { create as createTfjs } from '../peers/adapters/tfjs.mjs';
import { ADAM, makeData } from '../peers/workloads.mjs';

globalThis.GPU = gpuJs;

async function unspool({ I, hidden, O, B, T }, { inputs, targets, parameters }, { backend }) {
  const layers = [
    ...hidden.map((hiddenSize) => ({ kind: 'lstm', hiddenSize, bias: 'single' })),
    { kind: 'linear', size: O },
  ];
  const model = await createModel({ inputSize: I, layers }, { backend });
  for (const [name, { data }] of Object.entries(parameters)) model.parameters.set(name, data);
  const batch = { steps: T, batchSize: B, inputs, targets };
  const train = { stateful: false, length: Number.MAX_SAFE_INTEGER, batch: () => batch };
  const events = fit(model, { train }, { optimizer: adam(ADAM) })[Symbol.asyncIterator]();
  return { model, step: async () => (await events.next()).value.loss };
}

const ENGINES = { unspool, tfjs: createTfjs };

/** Updates after the first that are not timed: engines optimize, and Unspool compiles plans of runs that recur. */
const WARMING = 4;

/** Times `steps` training updates after those: losses, milliseconds, and Unspool's dispatches, uploads and reads of an update. */
globalThis.measure = async (engine, options, workload, steps) => {
  const data = makeData(workload);
  const begin = performance.now();
  const { step, model } = await ENGINES[engine](workload, data, options);
  const losses = [await step()];
  const first = performance.now() - begin;
  for (let n = 0; n < WARMING; n++) losses.push(await step());
  const before = { ...model?.kernels.counts };
  const times = [];
  for (let n = 0; n < steps; n++) {
    const from = performance.now();
    losses.push(await step());
    times.push(performance.now() - from);
  }
  const after = model?.kernels.counts;
  const each = (name) => (after ? (after[name] - before[name]) / steps : null);
  const counts = { dispatches: each('dispatches'), uploads: each('uploads'), reads: each('reads') };
  const { device = null, executor = '-' } = model?.kernels ?? {};
  return { losses, first, times, counts, device, executor };
};
globalThis.ready = true;
