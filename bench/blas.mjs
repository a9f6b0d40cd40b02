/**
 * The products of a native library (docs/blas.md) next to those of the wasm backend, and whole steps of the workloads of
 * peers/workloads.mjs, with one thread and with two.
 *   npm run bench -- blas [--workloads W2,S3] [--rounds N]
 */
import { parseArgs } from 'node:util';
import { selectKernels } from '../dist/index.js';
import { revectorize } from '../dist/node/index.js';
import { interleaved, machine, table, three } from './measure.mjs';
import { engine } from './peers/adapters/unspool.mjs';
import { makeData, sizes, WORKLOADS } from './peers/workloads.mjs';

const THREADS = [1, 2];
const CONTESTANTS = ['wasm', 'blas'].flatMap((backend) => THREADS.map((threads) => ({ backend, threads })));
const nameOf = ({ backend, threads }) => `${backend} ${threads}`;

/** Products of the time loop in W2, W4 and W3, and of all steps of W2: rows, columns and depth. */
const PRODUCTS = [
  [32, 512, 128],
  [32, 1024, 256],
  [64, 2048, 512],
  [2048, 512, 64],
];

async function compareProducts(rounds) {
  const backends = { wasm: await selectKernels({ backend: 'wasm' }), blas: await selectKernels({ backend: 'blas' }) };
  const rows = [];
  for (const [R, C, K] of PRODUCTS) {
    const contestants = {};
    for (const [name, k] of Object.entries(backends)) {
      const [out, a, b] = [k.alloc(R, C), k.alloc(R, K), k.alloc(K, C)];
      for (const m of [a, b])
        k.upload(
          m,
          Float32Array.from({ length: m.rows * m.cols }, (_, i) => Math.sin(i)),
        );
      const packed = k.allocPacked(K, C);
      k.pack(packed, b, false);
      contestants[name] = () => k.gemmPacked(out, a, packed, false);
    }
    const { wasm, blas } = await interleaved(contestants, { rounds });
    const speed = ({ ms }) => three((2 * R * C * K) / ms / 1e6);
    rows.push([`${R} x ${K} by ${K} x ${C}`, speed(wasm), speed(blas), three(wasm.ms / blas.ms)]);
  }
  console.log('\nProducts with a packed operand, GFLOP/s with one thread\n');
  console.log(table(['product', 'wasm', 'blas', 'gain'], rows));
  const { native } = backends.blas;
  for (const k of Object.values(backends)) k.dispose();
  return native;
}

/** Makes steps until all threads share the work, and checks that their number does not change the loss. */
async function start(engines) {
  for (let i = 0; i < 20; i++) {
    const losses = {};
    for (const [name, { step }] of Object.entries(engines)) losses[name] = await step();
    for (const backend of ['wasm', 'blas']) {
      const [one, two] = THREADS.map((threads) => losses[nameOf({ backend, threads })]);
      if (typeof one === 'number' && one !== two)
        throw new Error(`${backend}: one thread gives ${one}, two give ${two}`);
    }
    if (CONTESTANTS.every((one) => engines[nameOf(one)].model.kernels.threads === one.threads)) return;
    await new Promise((resolve) => setTimeout(resolve, 10)); // lets the second threads start
  }
}

async function compareSteps(names, rounds) {
  const rows = [];
  for (const name of names) {
    const data = makeData(WORKLOADS[name]);
    const engines = {};
    for (const options of CONTESTANTS) engines[nameOf(options)] = await engine(WORKLOADS[name], data, options);
    await start(engines);
    const steps = Object.fromEntries(Object.entries(engines).map(([key, { step }]) => [key, step]));
    const times = await interleaved(steps, { rounds });
    const gains = THREADS.map((threads) => three(times[`wasm ${threads}`].ms / times[`blas ${threads}`].ms));
    rows.push([`${name}: ${sizes(WORKLOADS[name])}`, ...Object.values(times).map(({ ms }) => three(ms)), ...gains]);
    for (const { model } of Object.values(engines)) model.dispose();
  }
  console.log('\nSteps in ms, with one thread and with two\n');
  console.log(table(['workload', ...CONTESTANTS.map(nameOf), 'gain 1', 'gain 2'], rows));
}

export async function run(args) {
  const { values } = parseArgs({
    args,
    options: { workloads: { type: 'string', default: 'W2,W3,W4,S3' }, rounds: { type: 'string', default: '9' } },
  });
  await revectorize();
  const rounds = Number(values.rounds);
  const { library } = await compareProducts(rounds);
  await compareSteps(values.workloads.split(','), rounds);
  console.log(`\n${library}; ${machine()}`);
}
