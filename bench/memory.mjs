/**
 * Whether memory stays flat: the bytes of the backend, and the resident memory of the process, before and after many predictions,
 * trainings, streams and updates. Only the streams are disposed of; everything else is dropped.
 *   npm run bench -- memory [--quick]
 * --quick: a tenth of the calls.
 */
import { adam, createModel, fit, OptimizerRun } from '../dist/index.js';

const SPEC = {
  inputSize: 4,
  layers: [
    { kind: 'lstm', hiddenSize: 64 },
    { kind: 'linear', size: 2 },
  ],
};
const wave = (count) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
const batchOf = (steps, batchSize) => ({
  steps,
  batchSize,
  inputs: wave(steps * batchSize * 4),
  targets: wave(steps * batchSize * 2),
});
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1).padStart(8);

const CASES = {
  predictions: {
    count: 20_000,
    async make() {
      const model = await createModel(SPEC);
      const inputs = wave(32);
      return { model, run: () => model.predict(inputs) };
    },
  },
  'predictions with their tape, dropped': {
    count: 20_000,
    async make() {
      const model = await createModel(SPEC);
      const inputs = wave(32);
      return { model, run: () => model.predict(inputs, { tape: true }) };
    },
  },
  'trainings of one update': {
    count: 2_000,
    async make() {
      const model = await createModel(SPEC);
      const batch = batchOf(8, 4);
      const train = { stateful: false, length: 1, batch: () => batch };
      const run = async () => {
        for await (const _ of fit(model, { train }, { optimizer: adam() }));
      };
      return { model, run };
    },
  },
  'passes over batches of 400 lengths': {
    count: 1_200,
    async make() {
      const model = await createModel(SPEC);
      const length = (i) => 1 + ((i * 7) % 400);
      const train = { stateful: false, length: 400, batch: (i) => batchOf(length(i), 4) };
      const events = fit(model, { train }, { optimizer: adam(), epochs: 1000 })[Symbol.asyncIterator]();
      return { model, run: () => events.next(), warm: 400 };
    },
  },
  'streams of 2 layers with 256 units, open together': {
    count: 1_500,
    async make() {
      const layers = [
        { kind: 'lstm', hiddenSize: 256 },
        { kind: 'lstm', hiddenSize: 256 },
        { kind: 'linear', size: 2 },
      ];
      const model = await createModel({ inputSize: 4, layers });
      const kept = [];
      const run = async () => {
        kept.push(model.stream());
        await kept.at(-1).step([1, 2, 3, 4]);
      };
      const end = () => {
        for (const stream of kept.splice(0)) stream.dispose();
      };
      return { model, run, end };
    },
  },
  'updates of a loop that keeps one tape': {
    count: 10_000,
    async make() {
      const model = await createModel(SPEC);
      const batch = batchOf(8, 4);
      const [tape, gradients] = [model.tape(batch), model.arena()];
      const optimizer = new OptimizerRun(model.kernels, adam(), model.parameters);
      let update = 0;
      const run = async () => {
        await model.gradients(batch, { tape, gradients });
        optimizer.apply(gradients.matrix, ++update, 1e-3);
      };
      return { model, run };
    },
  },
};

export async function run(options) {
  const share = options.includes('--quick') ? 0.1 : 1;
  console.log('MiB of the backend (MiB of the process): at first, after half of the calls, after all of them\n');
  for (const [name, { count, make }] of Object.entries(CASES)) {
    const { model, run: call, end, warm = 20 } = await make();
    const inUse = () => `${mebibytes(model.kernels.memory.inUse())} (${mebibytes(process.memoryUsage().rss).trim()})`;
    for (let i = 0; i < warm; i++) await call();
    end?.();
    const seen = [inUse()];
    const calls = Math.round(count * share);
    for (let half = 0; half < 2; half++) {
      const before = model.kernels.memory.inUse();
      for (let i = 0; i < calls / 2; i++) await call();
      if (end)
        console.log(
          `       ${((model.kernels.memory.inUse() - before) / (calls / 2) / 1024).toFixed(1)} KiB for each stream while it is open`,
        );
      end?.();
      seen.push(inUse());
    }
    console.log(`${calls.toLocaleString('en').padStart(6)} ${name.padEnd(52)} ${seen.join('  ')}`);
    model.dispose();
  }
}
