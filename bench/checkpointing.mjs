/**
 * Time and memory of BPTT on long sequences: the whole tape, a tenth of it, and segments of the length that needs the least memory.
 * Each way trains the same model in its own process, in turn; the time is the processor time of an update, the median over the rounds.
 *   npm run bench -- checkpointing [--quick] [--rounds N]
 * --quick: up to 10,000 steps.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { machine, table } from './measure.mjs';
import { median } from './statistics.mjs';

const [INPUTS, HIDDEN, OUTPUTS, BATCH] = [16, 64, 8, 4];
const WAYS = { whole: null, tenth: { memory: 0.1 }, sqrt: { policy: 'sqrt' } };

/** Makes a few updates, in a separate process. Prints milliseconds per update, the bytes of the backend, and the loss. */
async function measure(steps, way) {
  const { adam, createModel, fit } = await import('../dist/index.js');
  const { checkpointed, estimatorGradient } = await import('../dist/lab/index.js');
  const layers = [
    { kind: 'lstm', hiddenSize: HIDDEN },
    { kind: 'linear', size: OUTPUTS },
  ];
  const model = await createModel({ inputSize: INPUTS, layers }, { backend: 'wasm', threads: 1 });
  const before = model.kernels.memory.inUse();
  const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * 0.37));
  const batch = {
    steps,
    batchSize: BATCH,
    inputs: wave(steps * BATCH * INPUTS),
    targets: wave(steps * BATCH * OUTPUTS),
  };
  const options = WAYS[way];
  const gradient = options ? { gradient: estimatorGradient(checkpointed({ steps, ...options })) } : {};
  const updates = Math.max(2, Math.min(200, Math.round(60_000 / steps)));
  const times = [];
  let [bytes, loss] = [0, 0];
  const train = { length: Number.POSITIVE_INFINITY, batch: () => batch };
  let last = process.cpuUsage();
  for await (const event of fit(model, { train }, { optimizer: adam(), maxUpdates: updates + 1, ...gradient })) {
    if (event.kind !== 'update') continue;
    const { user, system } = process.cpuUsage(last);
    if (event.update > 1) times.push((user + system) / 1000);
    bytes = model.kernels.memory.inUse() - before;
    loss = event.loss;
    last = process.cpuUsage();
  }
  console.log(JSON.stringify({ ms: median(times), bytes, loss, rss: process.resourceUsage().maxRSS * 1024 }));
}

function inProcess(steps, way) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), String(steps), way]);
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

export function run(options = []) {
  const rounds = options.includes('--rounds') ? Number(options[options.indexOf('--rounds') + 1]) : 5;
  const lengths = options.includes('--quick') ? [100, 1000, 10_000] : [100, 1000, 10_000, 100_000];
  console.log(machine());
  console.log(
    `LSTM of ${HIDDEN} units, ${INPUTS} inputs, ${BATCH} sequences, wasm, one thread; medians of ${rounds} rounds\n`,
  );
  const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
  const rows = [];
  for (const steps of lengths) {
    const all = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
    for (let round = 0; round < rounds; round++)
      for (const way of Object.keys(WAYS)) all[way].push(inProcess(steps, way));
    const of = (way, key) => median(all[way].map((result) => result[key]));
    for (const way of Object.keys(WAYS)) {
      const difference = Math.abs(of(way, 'loss') / of('whole', 'loss') - 1);
      if (!(difference < 1e-3)) throw new Error(`${way} of ${steps} steps ends with another loss: ${of(way, 'loss')}.`);
      rows.push([
        ...[steps.toLocaleString('en'), way, ((of(way, 'ms') / steps) * 1000).toFixed(2)],
        ...[(of(way, 'ms') / of('whole', 'ms')).toFixed(2), mebibytes(of(way, 'bytes'))],
        ...[(of(way, 'bytes') / of('whole', 'bytes')).toFixed(3), mebibytes(of(way, 'rss'))],
      ]);
    }
  }
  console.log(table(['steps', 'tape', 'us/step', 'time', 'MiB', 'memory', 'peak RSS, MiB'], rows));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await measure(Number(process.argv[2]), process.argv[3]);
