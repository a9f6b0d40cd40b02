/**
 * Small programs that stream through an LSTM (64 inputs, 128 units, one output): code in a page, installed size, time of a new
 * process to its first prediction, and time of a step, for Unspool and other libraries.
 *   npm run bench -- small
 * npm installs the libraries in a temporary folder. Each runs with the settings that are fastest for a single step; the programs are
 * below. Weights are random, because they do not change the time.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createModel, parseModel, serializeModel } from '../dist/index.js';
import { toModule, toOnnx } from '../dist/interop/index.js';
import { machine, table, three } from './measure.mjs';
import { median } from './statistics.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [I, H] = [64, 128];
const PROCESSES = 5;

const READ = "await import('node:fs').then(({ readFileSync }) => readFileSync(new URL('./FILE', import.meta.url)))";
const OWN = (entry) => `
import { loadModel } from '${entry}';
const model = loadModel(${READ.replace('FILE', 'model.safetensors')});
const state = model.initialState();
export const step = (x) => model.step(state, x)[0];`;

/** The code of an LSTM's step in a library with operations on matrices: \`m\` has matmul, add, mul, sigmoid, tanh and gate. */
const TENSORFLOW = `
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
await tf.setBackend('cpu');
tf.enableProdMode();
const [wx, wh, b] = [[${I}, ${4 * H}], [${H}, ${4 * H}], [1, ${4 * H}]].map((shape) => tf.keep(tf.randomNormal(shape, 0, 0.1)));
const head = tf.keep(tf.randomNormal([${H}, 1]));
let [h, c] = [tf.keep(tf.zeros([1, ${H}])), tf.keep(tf.zeros([1, ${H}]))];
export const step = (x) => {
  const [y, next, state] = tf.tidy(() => {
    const a = tf.add(tf.add(tf.matMul(tf.tensor2d(x, [1, ${I}]), wx), tf.matMul(h, wh)), b);
    const [i, f, g, o] = tf.split(a, 4, 1);
    const state = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
    const next = tf.mul(tf.sigmoid(o), tf.tanh(state));
    return [tf.matMul(next, head), next, state];
  });
  tf.dispose([h, c]);
  [h, c] = [next, state];
  const [value] = y.dataSync();
  y.dispose();
  return value;
};`;

const ONNX = `
import * as ort from 'onnxruntime-web/wasm';
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(new Uint8Array(${READ.replace('FILE', 'model.onnx')}));
const state = () => new ort.Tensor('float32', new Float32Array(${H}), [1, 1, ${H}]);
const names = session.inputNames.slice(1);
let states = Object.fromEntries(names.map((name) => [name, state()]));
export const step = async (x) => {
  const input = new ort.Tensor('float32', x, [1, 1, ${I}]);
  const results = await session.run({ [session.inputNames[0]]: input, ...states });
  const [output, ...next] = session.outputNames;
  states = Object.fromEntries(names.map((name, i) => [name, results[next[i]]]));
  return results[output].data[0];
};`;

const JAX = `
import { defaultDevice, init, jit, nn, numpy as np, random } from '@jax-js/jax';
await init('wasm');
defaultDevice('wasm');
const weights = (shape) => np.array(Float32Array.from({ length: shape[0] * shape[1] }, () => Math.random() - 0.5)).reshape(shape);
const p = [[${I}, ${4 * H}], [${H}, ${4 * H}], [1, ${4 * H}], [${H}, 1]].map(weights);
const cell = jit((wx, wh, b, head, x, h, c) => {
  const a = np.matmul(x, wx).add(np.matmul(h, wh)).add(b);
  const gate = (from, k) => from.slice([], [k * ${H}, (k + 1) * ${H}]);
  const [i, f, g] = [0, 1, 2].map((k) => gate(a.ref, k));
  const state = nn.sigmoid(f).mul(c).add(nn.sigmoid(i).mul(np.tanh(g)));
  const next = nn.sigmoid(gate(a, 3)).mul(np.tanh(state.ref));
  return [np.matmul(next.ref, head), next, state];
});
let [h, c] = [np.zeros([1, ${H}]), np.zeros([1, ${H}])];
export const step = (x) => {
  const [y, next, state] = cell(...p.map((w) => w.ref), np.array(x).reshape([1, ${I}]), h, c);
  [h, c] = [next, state];
  return y.dataSync()[0];
};`;

const SYNAPTIC = `
import synaptic from 'synaptic';
const network = new synaptic.Architect.LSTM(${I}, ${H}, 1);
export const step = (x) => network.activate(x)[0];`;

const BRAIN = `
import brain from 'brain.js';
const net = new brain.recurrent.LSTMTimeStep({ inputSize: ${I}, hiddenLayers: [${H}], outputSize: ${I} });
net.train([[Array(${I}).fill(0.1), Array(${I}).fill(0.2)]], { iterations: 1, errorThresh: 0, log: false });
export const step = (x) => net.run([[...x]])[0]; // it has no state to continue from`;

const CONTESTANTS = {
  'Unspool: exported module': {
    packages: [root],
    code: "import model from './model.js';\nconst state = model.initialState();\nexport const step = (x) => model.step(state, x)[0];",
  },
  'unspool/infer': { packages: [root], code: OWN('unspool/infer') },
  'unspool/infer/simd': { packages: [root], code: OWN('unspool/infer/simd') },
  'TensorFlow.js, cpu': {
    packages: ['@tensorflow/tfjs-core@4.22.0', '@tensorflow/tfjs-backend-cpu@4.22.0'],
    code: TENSORFLOW,
  },
  'onnxruntime-web': {
    packages: ['onnxruntime-web@1.30.0'],
    code: ONNX,
    wasm: 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  },
  'jax-js': { packages: ['@jax-js/jax@0.1.25'], code: JAX },
  synaptic: { packages: ['synaptic@1.1.4'], code: SYNAPTIC },
  'brain.js': { packages: ['brain.js@1.6.1'], code: BRAIN },
};

/** Prints the milliseconds since the process started, after a first step; then the fastest microseconds of a step. */
const MAIN = `
const x = Float32Array.from({ length: ${I} }, (_, i) => Math.sin(i));
const { step } = await import('./program.mjs');
if (!Number.isFinite(await step(x))) throw new Error('not a number');
const first = performance.now();
let best = Infinity;
if (process.argv[2] === 'steps') {
  const until = performance.now() + 2000;
  while (performance.now() < until) {
    const start = performance.now();
    for (let i = 0; i < 10; i++) await step(x);
    best = Math.min(best, (performance.now() - start) / 10 * 1000);
  }
}
console.log(JSON.stringify({ first, best }));
process.exit(0);`;

const bytesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesIn(path) : entry.isFile() ? statSync(path).size : 0);
  }, 0);

const gzipped = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

function measure(folder, { packages, code, wasm }, files) {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  for (const [name, content] of Object.entries({ ...files, 'program.mjs': code, 'main.mjs': MAIN })) {
    writeFileSync(join(folder, name), content);
  }
  const options = { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
  const flags = ['install', '--install-links', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', [...flags, ...packages], options);
  const bundle = ['program.mjs', '--bundle', '--minify', '--format=esm', '--external:node:*', '--outfile=out.js'];
  const quiet = ['--log-level=error', '--platform=browser', '--external:fs', '--external:stream', '--external:gpu.js'];
  execFileSync(join(root, 'node_modules/.bin/esbuild'), [...bundle, ...quiet], options);
  // The exported module contains its weights, as base64: those of the others are in a file.
  const out = readFileSync(join(folder, 'out.js'), 'utf8');
  const isExported = code.includes('./model.js');
  const size = gzipSync(isExported ? out.replace(/[\w+/=]{100000,}/, '') : out, { level: 9 }).length;
  const extra =
    wasm && existsSync(join(folder, 'node_modules', wasm)) ? gzipped(join(folder, 'node_modules', wasm)) : 0;
  const run = (...args) =>
    JSON.parse(
      execFileSync(process.execPath, ['main.mjs', ...args], options)
        .split('\n')
        .at(-2),
    );
  const starts = [];
  for (let i = 0; i < PROCESSES && starts.reduce((a, b) => a + b, 0) < 10_000; i++) starts.push(run().first);
  return {
    size,
    extra,
    installed: bytesIn(join(folder, 'node_modules')),
    first: median(starts),
    step: run('steps').best,
  };
}

async function modelFiles() {
  const layers = [
    { kind: 'lstm', hiddenSize: H },
    { kind: 'linear', size: 1 },
  ];
  const bytes = await serializeModel(await createModel({ inputSize: I, layers }, { backend: 'reference' }));
  const parsed = await parseModel(bytes);
  return { 'model.safetensors': bytes, 'model.js': toModule(parsed).code, 'model.onnx': toOnnx(parsed) };
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-small-'));
  const KB = (bytes) => three(bytes / 1000);
  try {
    const files = await modelFiles();
    const rows = Object.entries(CONTESTANTS).map(([name, contestant], i) => {
      console.error(`${name} ...`);
      const { size, extra, installed, first, step } = measure(join(folder, String(i)), contestant, files);
      const page = extra ? `${KB(size)} + ${KB(extra)} wasm` : KB(size);
      return [name, page, three(installed / 1e6), first.toFixed(0), three(step)];
    });
    console.log(
      `\n${I} inputs, ${H} units; median of up to ${PROCESSES} new processes, fastest steps (${machine()})\n`,
    );
    console.log(table(['', 'code gzipped, KB', 'installed, MB', 'first prediction, ms', 'step, us'], rows));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
