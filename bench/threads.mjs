/**
 * Finds the size from which two threads are faster: times training steps of the wasm backend with one thread and with two.
 *   npm run bench -- threads [--busy N]
 * `--busy`: N other processes keep a core busy each.
 * THRESHOLDS in src/kernels/wasm/context.ts is based on the results.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { adam, createModel, fit } from '../dist/index.js';
import { interleaved, machine, table, three } from './measure.mjs';

const SHAPES = [
  { I: 8, H: 32, B: 8, T: 50, O: 8 },
  { I: 16, H: 64, B: 8, T: 50, O: 8 },
  { I: 32, H: 64, B: 16, T: 50, O: 16 },
  { I: 64, H: 128, B: 32, T: 64, O: 64 },
  { I: 64, H: 256, B: 32, T: 64, O: 64 },
];

async function trainStep({ I, H, B, T, O }, threads) {
  const layers = [
    { kind: 'lstm', hiddenSize: H },
    { kind: 'linear', size: O },
  ];
  const model = await createModel({ inputSize: I, layers }, { backend: 'wasm', threads });
  const values = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  const batch = { steps: T, batchSize: B, inputs: values(T * B * I), targets: values(T * B * O) };
  const data = { train: { stateful: false, length: 1e9, batch: () => batch } };
  const events = fit(model, data, { optimizer: adam() })[Symbol.asyncIterator]();
  return {
    model,
    step: async () => (await events.next()).value.loss,
  };
}

export async function run(args) {
  const { values } = parseArgs({ args, options: { busy: { type: 'string', default: '0' } } });
  const others = Array.from({ length: Number(values.busy) }, () => spawn(process.execPath, ['-e', 'for (;;);']));
  try {
    await compare(others.length);
  } finally {
    for (const other of others) other.kill('SIGKILL');
  }
}

async function compare(busy) {
  const rows = [];
  for (const shape of SHAPES) {
    const [one, two] = [await trainStep(shape, 1), await trainStep(shape, 2)];
    for (let i = 0; i < 20; i++) {
      const losses = [await one.step(), await two.step()];
      if (losses[0] !== losses[1]) throw new Error(`one thread gives ${losses[0]}, two give ${losses[1]}`);
      await new Promise((resolve) => setTimeout(resolve, 10)); // lets the second thread start
    }
    const times = await interleaved({ one: one.step, two: two.step });
    const { I, H, B, T } = shape;
    const gain = times.one.ms / times.two.ms;
    rows.push([
      `I=${I} H=${H} B=${B} T=${T}`,
      three(times.one.ms),
      three(times.two.ms),
      three(gain),
      two.model.kernels.threads,
    ]);
    one.model.dispose();
    two.model.dispose();
  }
  const others = busy ? `, next to ${busy} busy processes` : '';
  console.log(`\nTraining steps with one thread and with two, wasm, float32${others} (${machine()})\n`);
  console.log(table(['shape', 'one, ms', 'two, ms', 'gain', 'threads used'], rows));
}
