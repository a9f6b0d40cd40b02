/**
 * Training steps and predictions over sequences of unequal lengths, uniform in [1, T], next to sequences of T steps, on the wasm backend
 * with one thread; and PyTorch's nn.LSTM with packed sequences, if there is a python3 with it.
 *   npm run bench -- lengths [--rounds N] [--sizes I,H,B,T] [--from FOLDER]
 * `--from` measures the build of another checkout, too: an earlier one computes all rows of all steps. On Node 24 and newer, V8's wider
 * vectors are used (`revectorize`).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { interleaved, machine, table, three } from './measure.mjs';
import { neutral, torchSettings } from './peers/environment.mjs';
import { runtime } from './peers/runtimes.mjs';

const O = 16;
const OPTIONS = {
  rounds: { type: 'string', default: '9' },
  sizes: { type: 'string', default: '64,128,32,64' },
  from: { type: 'string' },
};

/** The lengths of each kind of batch; null: all sequences have T steps. A permutation of evenly spread lengths, or sorted. */
function lengthsOf(batchSize, steps) {
  const even = Array.from({ length: batchSize }, (_, n) => Math.max(1, Math.round(((n + 1) * steps) / batchSize)));
  const stride = [7, 11, 13, 1].find((s) => batchSize % s !== 0) ?? 1;
  const mixed = even.map((_, n) => even[(n * stride) % batchSize]);
  mixed[0] = steps; // a batch has a sequence of all its steps
  return { 'all T steps': null, 'longest first': [...mixed].sort((a, b) => b - a), 'in any order': mixed };
}

const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(0.7 * i));

async function unspoolSteps(folder, [I, H, batchSize, steps], kinds) {
  const dist = folder ? pathToFileURL(`${folder}/dist/`) : new URL('../dist/', import.meta.url);
  const { createModel, fit, adam } = await import(new URL('index.js', dist));
  const isFused = await (await import(new URL('node/index.js', dist))).revectorize();
  const layers = [
    { kind: 'lstm', hiddenSize: H },
    { kind: 'linear', size: O },
  ];
  const calls = { training: {}, prediction: {} };
  for (const [kind, lengths] of Object.entries(kinds)) {
    const model = await createModel({ inputSize: I, layers }, { backend: 'wasm', threads: 1, lengths: true });
    const inputs = wave(steps * batchSize * I);
    const batch = { steps, batchSize, inputs, targets: wave(steps * batchSize * O), ...(lengths && { lengths }) };
    const data = { train: { stateful: false, length: 1e9, batch: () => batch } };
    const events = fit(model, data, { optimizer: adam() })[Symbol.asyncIterator]();
    calls.training[kind] = async () => (await events.next()).value.loss;
    calls.prediction[kind] = () => model.predict(inputs, { batchSize, ...(lengths && { lengths }) });
  }
  return { calls, isFused };
}

/** PyTorch, which runs a step each time a line with its name is written. */
async function pytorchSteps([I, H, batchSize, steps], kinds) {
  const { command, version, missing } = runtime('python');
  if (missing) {
    console.error(`Without PyTorch: ${missing}.`);
    return null;
  }
  const env = { ...neutral(process.env), ...torchSettings({ threads: 1 }) };
  const program = fileURLToPath(new URL('python/lengths.py', import.meta.url));
  const task = JSON.stringify({ I, H, O, B: batchSize, T: steps, kinds });
  const child = spawn(command, [program, task], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next(); // ready
  const calls = (what) =>
    Object.fromEntries(
      Object.keys(kinds).map((kind) => [
        kind,
        async () => {
          child.stdin.write(`${what}/${kind}\n`);
          if ((await lines.next()).done) throw new Error('the process of PyTorch has ended');
        },
      ]),
    );
  const end = async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  };
  return { calls: { training: calls('training'), prediction: calls('prediction') }, version, end };
}

export async function run(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const sizes = values.sizes.split(',').map(Number);
  const [I, H, B, T] = sizes;
  const kinds = lengthsOf(B, T);
  const engines = { Unspool: await unspoolSteps(null, sizes, kinds) };
  if (values.from) engines[`Unspool of ${values.from}`] = await unspoolSteps(values.from, sizes, kinds);
  const torch = await pytorchSteps(sizes, kinds);
  if (torch) engines.PyTorch = torch;
  try {
    for (const what of ['training', 'prediction']) {
      const contestants = Object.fromEntries(
        Object.entries(engines).flatMap(([engine, { calls }]) =>
          Object.entries(calls[what]).map(([kind, call]) => [`${engine}/${kind}`, call]),
        ),
      );
      const times = await interleaved(contestants, { rounds: Number(values.rounds) });
      const rows = Object.keys(engines).map((engine) => {
        const of = (kind) => times[`${engine}/${kind}`].ms;
        const [whole, ...others] = Object.keys(kinds);
        return [
          engine,
          three(of(whole)),
          ...others.map((kind) => `${three(of(kind))} (${(of(kind) / of(whole)).toFixed(2)})`),
        ];
      });
      const by = `wasm${engines.Unspool.isFused ? ', fused vectors' : ''}`;
      console.log(`\nMilliseconds of a ${what}, I=${I} H=${H} B=${B} T=${T}, ${by} (${machine()})\n`);
      console.log(table(['', ...Object.keys(kinds)], rows));
    }
  } finally {
    await torch?.end();
  }
  if (torch) console.log(`\n${torch.version}`);
}
