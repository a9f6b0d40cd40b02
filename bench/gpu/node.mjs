/**
 * `node bench/gpu/node.mjs [--only W2,D1] [--backends wasm,gpu:webgpu] [--minutes 5] [--json FILE]`: everything about a GPU in
 * one run without a network: errors against the golden vectors, training updates of W2 to W5 and of DeepBench's LSTM sizes,
 * PyTorch on the same GPU (cuDNN) if `python3` has it, and what part of an update is JavaScript, dispatches and kernels.
 *
 * `--null` runs on a driver that computes nothing, which leaves the host's work for an update. No GPU makes that shorter.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { flops, sizes } from '../peers/workloads.mjs';
import { dispatchMicroseconds } from './dispatches.mjs';
import { measure, WARM } from './measure.mjs';
import { SHAPES } from './shapes.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    backends: { type: 'string', default: 'gpu:webgpu,wasm' },
    steps: { type: 'string', default: '10' },
    warm: { type: 'string', default: String(WARM) },
    minutes: { type: 'string', default: '4.5' },
    json: { type: 'string' },
    null: { type: 'boolean', default: false },
  },
});
const end = performance.now() + 60_000 * Number(values.minutes);
const secondsLeft = () => (end - performance.now()) / 1000;
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const names = (values.only ?? (values.null ? 'W2,W3,W4' : 'W2,W3,W4,D1,D2,D3,D4,D5,W5,D6')).split(',');
const options = (seconds) => ({ steps: Number(values.steps), warm: Number(values.warm), seconds });
const ms = (time) => (time === null || time === undefined ? '-' : time.toFixed(2));
const row = (cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(11))).join(''));

const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals);
const gpu = create(values.null ? ['backend=null'] : []);
Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });

async function hostTimes() {
  row(['shape', 'first', 'update', 'processor', 'dispatches', 'executor']);
  const found = {};
  for (const name of names) {
    const one = await measure(SHAPES[name], 'gpu:webgpu', options(Number.POSITIVE_INFINITY));
    found[name] = one;
    row([name, ms(one.first), ms(one.update), ms(one.processor), String(one.dispatches), one.executor]);
  }
  return found;
}

/** Golden errors: the bundle of the pack, or one made now. */
async function correctness() {
  const packed = path('correctness.bundle.mjs');
  const isPacked = existsSync(packed);
  const bundle = isPacked ? packed : path('../../dist/correctness.bundle.mjs');
  if (!isPacked) (await import('./pack.mjs')).bundleCorrectness(bundle);
  const folder = isPacked ? path('golden/') : path('../../test/golden/');
  const cases = readdirSync(folder)
    .filter((file) => /^lstm-.*\.json$/.test(file))
    .map((file) => [file.slice(0, -5), JSON.parse(readFileSync(`${folder}${file}`, 'utf8'))]);
  try {
    return await (await import(bundle)).errorsOf(Object.fromEntries(cases));
  } finally {
    if (!isPacked) rmSync(bundle, { force: true });
  }
}

/** Milliseconds of JavaScript in an update, from this program on the null driver; null if that has no memory for the shape. */
function javaScriptOf(name) {
  const args = [path('node.mjs'), '--null', '--only', name, '--json', '-'];
  const { stdout = '' } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 1000 * Math.min(20, secondsLeft()),
  });
  const line = stdout.split('\n').find((one) => one.startsWith('{'));
  return line ? JSON.parse(line).host[name].update : null;
}

function pyTorch({ I, hidden, O, B, T }) {
  const shape = JSON.stringify({ I, hidden, O, B, T, steps: Number(values.steps) });
  const timeout = Math.ceil(1000 * Math.max(1, Math.min(30, secondsLeft())));
  const { status, stdout, stderr, error } = spawnSync('python3', [path('pytorch.py'), shape], {
    encoding: 'utf8',
    timeout,
  });
  if (status === 0) return JSON.parse(stdout);
  return { error: (stderr || error?.message || `ended with ${status}`).trim().split('\n').at(-1) };
}

async function compareEngines() {
  const errors = await correctness();
  const worst = Object.entries(errors).filter(([, error]) => !(error <= 2e-5));
  console.log(
    `correctness: ${Object.keys(errors).length} cases, largest error ${Math.max(...Object.values(errors)).toExponential(1)}`,
  );
  for (const [name, error] of worst) console.log(`  ${name}: ${error.toExponential(2)}, more than 2e-5`);
  const dispatch = await dispatchMicroseconds();
  console.log(`a dispatch: ${dispatch.host.toFixed(2)} us in the host, ${dispatch.total.toFixed(2)} us in all\n`);
  row(['ms an update', 'first', 'update', 'GFLOP/s', 'JavaScript', 'dispatch', 'kernels', 'dispatches']);
  const shapes = {};
  for (const name of names) {
    const workload = SHAPES[name];
    console.log(`${name}: ${sizes(workload)}, ${(flops(workload) / 1e9).toFixed(1)} GFLOP`);
    shapes[name] = {};
    for (const engine of [...values.backends.split(','), 'pytorch']) {
      const one = secondsLeft() > 2 ? await timed(name, engine, workload) : { error: 'not started: the time is over' };
      shapes[name][engine] = one;
      printEngine(engine, one, workload);
    }
  }
  return { errors, dispatch, shapes };

  async function timed(name, engine, workload) {
    if (engine === 'pytorch') return pyTorch(workload);
    try {
      const one = await measure(workload, engine, options(Math.min(engine === 'wasm' ? 3 : 8, secondsLeft())));
      if (!engine.startsWith('gpu')) return one;
      const javaScript = javaScriptOf(name);
      const dispatched = (one.dispatches * dispatch.total) / 1000;
      const kernels = javaScript === null ? null : Math.max(0, one.update - javaScript - dispatched);
      return { ...one, javaScript, dispatch: dispatched, kernels };
    } catch (error) {
      return { error: error.message };
    }
  }
}

function printEngine(engine, one, workload) {
  if (one.error) return console.log(`  ${engine.padEnd(16)} ${one.error}`);
  const update = one.update ?? one.step;
  const rate = (flops(workload) / update / 1e6).toFixed(1);
  const parts = [one.javaScript, one.dispatch, one.kernels].map(ms);
  row([`  ${engine}`, ms(one.first), ms(update), rate, ...parts, String(one.dispatches ?? '-')]);
  if (one.adapter || one.device)
    console.log(`    ${[one.adapter, one.device, one.executor].filter(Boolean).join(', ')}`);
}

const result = values.null ? { host: await hostTimes() } : await compareEngines();
const json = JSON.stringify(result);
if (values.json === '-') console.log(json);
else if (values.json) writeFileSync(values.json, `${json}\n`);
process.exit(0); // the WebGPU of Node keeps the process alive
