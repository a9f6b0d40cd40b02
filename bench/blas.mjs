/**
 * Training steps with the products of a native library (docs/blas.md) next to the wasm backend, with one thread and with two.
 *   npm run bench -- blas
 */
import { adam, createModel, fit } from '../dist/index.js';
import { revectorize } from '../dist/node/index.js';
import { interleaved, machine, table, three } from './measure.mjs';

const SHAPES = [
  { I: 64, H: 128, B: 32, T: 64, O: 64 },
  { I: 64, H: 256, B: 32, T: 64, O: 16 },
  { I: 256, H: 512, B: 64, T: 32, O: 32 },
];
const CONTESTANTS = ['wasm', 'blas'].flatMap((backend) => [1, 2].map((threads) => ({ backend, threads })));

const nameOf = ({ backend, threads }) => `${backend} ${threads}`;

async function trainStep({ I, H, B, T, O }, options) {
  const layers = [
    { kind: 'lstm', hiddenSize: H },
    { kind: 'linear', size: O },
  ];
  const model = await createModel({ inputSize: I, layers }, options);
  const values = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  const batch = { steps: T, batchSize: B, inputs: values(T * B * I), targets: values(T * B * O) };
  const data = { train: { stateful: false, length: 1e9, batch: () => batch } };
  const events = fit(model, data, { optimizer: adam() })[Symbol.asyncIterator]();
  return { model, step: async () => (await events.next()).value.loss };
}

export async function run() {
  await revectorize();
  const rows = [];
  let native = null;
  for (const shape of SHAPES) {
    const steps = {};
    for (const options of CONTESTANTS) steps[nameOf(options)] = await trainStep(shape, options);
    for (let i = 0; i < 20; i++) {
      const losses = {};
      for (const [name, { step }] of Object.entries(steps)) losses[name] = await step();
      for (const backend of ['wasm', 'blas']) {
        const [one, two] = [losses[`${backend} 1`], losses[`${backend} 2`]];
        if (one !== two) throw new Error(`${backend}: one thread gives ${one}, two give ${two}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10)); // lets the second threads start
    }
    const contestants = Object.fromEntries(Object.entries(steps).map(([name, { step }]) => [name, step]));
    const times = await interleaved(contestants);
    const { I, H, B, T } = shape;
    const cells = Object.values(times).map(({ ms }) => three(ms));
    const gains = [1, 2].map((threads) => three(times[`wasm ${threads}`].ms / times[`blas ${threads}`].ms));
    rows.push([`I=${I} H=${H} B=${B} T=${T}`, ...cells, ...gains]);
    native = steps['blas 1'].model.kernels.native;
    for (const { model } of Object.values(steps)) model.dispose();
  }
  console.log(`\nTraining steps in ms, wasm and blas with one thread and two (${native.library}; ${machine()})\n`);
  console.log(table(['shape', ...CONTESTANTS.map(nameOf), 'gain 1', 'gain 2'], rows));
}
