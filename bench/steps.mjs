/**
 * A whole training step (forward, BPTT, clip, Adam) and one inference step with carried state, on each backend, and predictions of
 * several lengths on wasm. The second shape is W1 of docs/performance.md, the third S1.
 *   npm run bench -- steps
 * GFLOP/s count only the LSTM's matrix products: 3 * 2*B*T*4H*(I+H) for a training step, 2*B*4H*(I+H) for an inference step.
 */
import { adam, createModel, createRng, fit } from '../dist/index.js';
import { interleaved, machine, table, three } from './measure.mjs';

const SHAPES = [
  { I: 64, H: 128, B: 32, T: 64, O: 64 },
  { I: 8, H: 32, B: 1, T: 50, O: 1 },
  { I: 16, H: 64, B: 1, T: 1, O: 8 },
];
const BACKENDS = ['reference', 'wasm'];

function randomBatch({ I, B, T, O }) {
  const rng = createRng(1, 'bench');
  const values = (length) => Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
  return { steps: T, batchSize: B, inputs: values(T * B * I), targets: values(T * B * O) };
}

async function contestants(shape, backend) {
  const { I, H, B, O } = shape;
  const spec = {
    inputSize: I,
    layers: [
      { kind: 'lstm', hiddenSize: H },
      { kind: 'linear', size: O },
    ],
  };
  const model = await createModel(spec, { backend });
  const batch = randomBatch(shape);
  const data = { train: { stateful: true, length: 1e9, batch: () => batch } };
  const events = fit(model, data, { optimizer: adam({ learningRate: 1e-3 }), clipNorm: 1 });
  const iterator = events[Symbol.asyncIterator]();
  const trainStep = async () => {
    while ((await iterator.next()).value.kind !== 'update');
  };
  const stream = (await createModel(spec, { backend })).stream(B);
  const input = batch.inputs.slice(0, B * I);
  return { trainStep, inferStep: () => stream.step(input) };
}

/** Whole predictions per second of one model, by steps and batch size. */
async function predictions() {
  const spec = {
    inputSize: 8,
    layers: [
      { kind: 'lstm', hiddenSize: 32 },
      { kind: 'linear', size: 1 },
    ],
  };
  const all = {};
  for (const batchSize of [1, 16]) {
    for (const T of [1, 10, 64, 256, 1024]) {
      const model = await createModel(spec, { backend: 'wasm' });
      const { inputs } = randomBatch({ I: 8, B: batchSize, T, O: 1 });
      all[`${T} x ${batchSize}`] = () => model.predict(inputs, { batchSize });
    }
  }
  const times = await interleaved(all);
  const rows = Object.entries(times).map(([at, { ms, min, max }]) => [
    at,
    three(ms),
    `${three(min)}-${three(max)}`,
    three(1000 / ms),
  ]);
  console.log('\nPredictions, I=8 H=32, one model each on wasm\n');
  console.log(table(['steps x sequences', 'ms', 'min-max', 'per second'], rows));
}

export async function run() {
  const rows = [];
  for (const shape of SHAPES) {
    const { I, H, B, T } = shape;
    const all = {};
    for (const backend of BACKENDS) {
      const { trainStep, inferStep } = await contestants(shape, backend);
      all[`${backend} train`] = trainStep;
      all[`${backend} infer`] = inferStep;
    }
    const times = await interleaved(all);
    const product = 2 * B * 4 * H * (I + H);
    for (const backend of BACKENDS) {
      const [train, infer] = [times[`${backend} train`], times[`${backend} infer`]];
      const at = `I=${I} H=${H} B=${B} T=${T}`;
      const spread = ({ min, max }) => `${three(min)}-${three(max)}`;
      rows.push([
        at,
        backend,
        'training step',
        three(train.ms),
        spread(train),
        three((3 * T * product) / train.ms / 1e6),
      ]);
      rows.push([at, backend, 'inference step', three(infer.ms), spread(infer), three(product / infer.ms / 1e6)]);
    }
  }
  console.log(`\nWhole steps, float32 (${machine()})\n`);
  console.log(table(['shape', 'backend', 'step', 'ms', 'min-max', 'GFLOP/s'], rows));
  await predictions();
}
