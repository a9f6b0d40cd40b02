/** The engines: an adapter with its options, on a runtime. */
import { runtime } from './runtimes.mjs';

const NODE = `Node ${Number.parseInt(process.versions.node, 10)}`;

/** Configurations of our wasm backend. `fused`: V8's wider vectors, an option of Node 24 (`revectorize`). */
const SETUPS = [
  { suffix: '', where: NODE, runtime: 'node', options: { threads: 1 } },
  { suffix: '-2t', where: NODE, runtime: 'node', options: { threads: 2 } },
  { suffix: '-24', where: 'Node 24 fused', runtime: 'node24', options: { threads: 1, fused: true } },
  { suffix: '-24-2t', where: 'Node 24 fused', runtime: 'node24', options: { threads: 2, fused: true } },
];

const count = (threads) => (threads === 1 ? '1 thread' : `${threads} threads`);

const ours = SETUPS.map(({ suffix, where, runtime, options }) => ({
  id: `unspool${suffix}`,
  label: `Unspool wasm, ${where}, ${count(options.threads)}`,
  group: 'ours',
  adapter: 'unspool',
  runtime,
  options: { backend: 'wasm', ...options },
  ceilings: { products: `products${suffix}`, kernels: `kernels${suffix}` },
}));

/** Our kernels without the engine: see adapters/kernels.mjs. */
const ceilings = SETUPS.flatMap(({ suffix, where, runtime, options }) =>
  ['products', 'kernels'].map((what) => ({
    id: `${what}${suffix}`,
    label: `${what} alone, ${where}, ${count(options.threads)}`,
    group: 'ceilings',
    adapter: 'kernels',
    runtime,
    options: { backend: 'wasm', ...options, products: what === 'products' },
  })),
);

const peer = (id, label, adapter, rest) => ({
  id,
  label,
  group: 'peers',
  adapter,
  runtime: 'node',
  options: {},
  ceilings: { products: rest.runtime === 'node24' ? 'products-24' : 'products' },
  ...rest,
});
/** Native code is compared with the fastest of our kernels. */
const NATIVE = { 1: { products: 'products-24' }, 2: { products: 'products-24-2t' } };
const INFERENCE = ['stream', 'sequence'];
/** PyTorch's threads, with both ways to wait for work. */
const TORCH = [
  { suffix: '', label: '1 thread', options: { threads: 1 } },
  { suffix: '-2t', label: '2 threads, passive waiting', options: { threads: 2, waiting: 'passive' } },
  { suffix: '-2t-active', label: '2 threads, active waiting', options: { threads: 2, waiting: 'active' } },
];

const peers = [
  peer('tfjs-wasm', `TensorFlow.js wasm, ${NODE}`, 'tfjs', { options: { backend: 'wasm' } }),
  peer('tfjs-wasm-24', 'TensorFlow.js wasm, Node 24', 'tfjs', { options: { backend: 'wasm' }, runtime: 'node24' }),
  peer('tfjs-cpu', `TensorFlow.js cpu, ${NODE}`, 'tfjs', { options: { backend: 'cpu' } }),
  peer('jax-js', `jax-js wasm, ${NODE}`, 'jax-js', {}),
  peer('jax-js-24', 'jax-js wasm, Node 24', 'jax-js', { runtime: 'node24' }),
  peer('brain', `brain.js, ${NODE}`, 'brain', { computes: 'a different model', kinds: ['train', 'stream'] }),
  ...[1, 2].map((threads) =>
    peer(threads === 1 ? 'onnxruntime' : 'onnxruntime-2t', `onnxruntime-node, ${count(threads)}`, 'onnx', {
      options: { threads },
      kinds: INFERENCE,
      ceilings: NATIVE[threads],
    }),
  ),
  ...TORCH.map(({ suffix, label, options }) =>
    peer(`torch${suffix}`, `PyTorch, ${label}`, 'torch', {
      options,
      runtime: 'python',
      ceilings: NATIVE[options.threads],
    }),
  ),
];

const reference = {
  id: 'unspool-reference',
  label: `Unspool reference, ${NODE}`,
  group: 'ours',
  adapter: 'unspool',
  runtime: 'node',
  options: { backend: 'reference' },
  ceilings: { products: 'products' },
};

/**
 * `id`, `label`, `group` (ours, ceilings, peers), `adapter`, `runtime`, `options`; `ceilings`: the kernels that its time is compared
 * with; `kinds`: the workloads that it supports (default all); `computes`: what it computes, if that is a different model.
 */
export const ENGINES = [...ours, reference, ...ceilings, ...peers];

/** Why `engine` does not run `workload`, or null. With a batch size of 1, a second thread has no work. */
export function excuse(engine, workload) {
  const { kinds, options } = engine;
  if (kinds && !kinds.includes(workload.kind)) return kinds.includes('train') ? 'not supported' : 'inference only';
  if (options.threads > 1 && workload.B === 1) return 'no work for a second thread';
  return runtime(engine.runtime).missing ?? null;
}

/** Engines by id or group, with the ceilings that they are compared with. Throws for an unknown name. */
export function select(names) {
  if (names.length === 0) return ENGINES;
  const wanted = new Set();
  for (const name of names) {
    const matching = ENGINES.filter(({ id, group }) => id === name || group === name);
    if (matching.length === 0) {
      const known = ['ours', 'peers', 'ceilings', ...ENGINES.map(({ id }) => id)].join(', ');
      throw new Error(`unknown engine "${name}". Use ${known}.`);
    }
    for (const { id, ceilings = {} } of matching)
      for (const needed of [id, ...Object.values(ceilings)]) wanted.add(needed);
  }
  return ENGINES.filter(({ id }) => wanted.has(id));
}
