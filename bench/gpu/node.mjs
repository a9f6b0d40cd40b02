/**
 * `node bench/gpu/node.mjs [--only W2,W5] [--backends wasm,gpu:webgpu] [--steps 10] [--warm 4]`: times training updates in
 * Node, in milliseconds and GFLOP/s, and PyTorch on the same GPU (cuDNN) if `python3` has it. Needs no network.
 *
 * `--null` runs on a driver that computes nothing, which leaves the host's work for an update. No GPU makes that shorter.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { adam, createModel, fit } from '../../dist/index.js';
import { ADAM, flops, makeData, sizes, WORKLOADS } from '../peers/workloads.mjs';

const SHAPES = {
  ...Object.fromEntries(Object.entries(WORKLOADS).filter(([, { kind }]) => kind === 'train')),
  W5: { kind: 'train', I: 512, hidden: [1024], O: 16, B: 128, T: 128, loss: 'meanSquaredError' },
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'W2,W3,W4,W5' },
    backends: { type: 'string', default: 'wasm,gpu:webgpu' },
    steps: { type: 'string', default: '10' },
    warm: { type: 'string', default: '4' },
    null: { type: 'boolean', default: false },
  },
});
const [steps, warm] = [Number(values.steps), Number(values.warm)];

if (values.null) {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create(['backend=null']) }, configurable: true });
}

async function measure(workload, backend) {
  const { I, hidden, O, B, T } = workload;
  const layers = [
    ...hidden.map((hiddenSize) => ({ kind: 'lstm', hiddenSize, bias: 'single' })),
    { kind: 'linear', size: O },
  ];
  const { inputs, targets, parameters } = makeData(workload);
  const model = await createModel({ inputSize: I, layers }, { backend });
  for (const [name, { data }] of Object.entries(parameters)) model.parameters.set(name, data);
  const batch = { steps: T, batchSize: B, inputs, targets };
  const train = { stateful: false, length: 1 + warm + steps, batch: () => batch };
  const times = [];
  let from = performance.now();
  let loss = 0;
  for await (const event of fit(model, { train }, { optimizer: adam(ADAM) })) {
    if (event.kind !== 'update') continue;
    times.push(performance.now() - from);
    from = performance.now();
    loss = event.loss;
  }
  const { device, executor = '' } = model.kernels;
  model.dispose();
  const [first] = times;
  const rest = times.slice(1 + warm);
  return {
    first,
    step: rest.sort((a, b) => a - b)[rest.length >> 1],
    loss,
    device: [device?.adapter, executor].filter(Boolean).join(', '),
  };
}

for (const name of values.only.split(',')) {
  const workload = SHAPES[name];
  console.log(`\n${name}: ${sizes(workload)}, ${(flops(workload) / 1e9).toFixed(2)} GFLOP an update`);
  const print = (engine, { first, step, loss, device }) => {
    const rate = (flops(workload) / step / 1e6).toFixed(2);
    const computed = values.null ? 'nothing computed' : `${rate} GFLOP/s, loss ${loss.toPrecision(6)}`;
    console.log(
      `${engine.padEnd(16)} first ${first.toFixed(1)} ms, update ${step.toFixed(2)} ms, ${computed} ${device}`,
    );
  };
  for (const backend of values.null ? ['gpu:webgpu'] : values.backends.split(',')) {
    try {
      print(backend, await measure(workload, backend));
    } catch (error) {
      console.log(`${backend.padEnd(16)} ${error.message}`);
    }
  }
  if (values.null) continue;
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
  const { I, hidden, O, B, T } = workload;
  const torch = spawnSync('python3', [script, JSON.stringify({ I, hidden, O, B, T, steps })], { encoding: 'utf8' });
  if (torch.status === 0) print('pytorch', JSON.parse(torch.stdout));
  else
    console.log(
      `pytorch          not available: ${(torch.stderr ?? torch.error?.message ?? '').trim().split('\n').at(-1)}`,
    );
}
process.exit(0); // the WebGPU of Node keeps the process alive
