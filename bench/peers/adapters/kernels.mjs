/**
 * The ceilings: the backend calls of one of Unspool's steps, without the engine. The calls of one step are recorded and replayed: all
 * of them, or (`products`) only the matrix products, an upper bound for any engine that uses these kernels. The results have no
 * meaning; the amount and the order of the work are those of the engine.
 */
import { revectorize } from '../../../dist/node/index.js';
import { engine } from './unspool.mjs';

const PRODUCTS = new Set(['gemm', 'gemmPacked']);
/** Calls that manage memory or read results. */
const SKIPPED = new Set(['alloc', 'allocPacked', 'view', 'free', 'download', 'host', 'dispose']);
const WARM_MS = 200; // long enough for the threads to start

export async function create(workload, data, { fused = false, products = false, ...backend }) {
  if (fused && !(await revectorize())) throw new Error('this engine does not fuse vectors, or is not faster with it');
  const { model, step } = await engine(workload, data, backend);
  const calls = await record(model.kernels, step);
  const wanted = products ? calls.filter(([name]) => PRODUCTS.has(name)) : calls;
  const k = model.kernels;
  const bound = wanted.map(([name, args]) => ({ call: k[name], args }));
  const any = model.parameters.matrix;
  const replay = () => {
    for (const { call, args } of bound) call(...args);
    k.host(any); // waits for the other threads
  };
  for (const end = performance.now() + WARM_MS; performance.now() < end; ) {
    replay();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { step: replay, note: () => `${wanted.length} calls per step, ${k.threads} threads` };
}

/** [instruction, arguments] of every call of one step, after the first step has allocated its buffers. */
async function record(kernels, step) {
  await step();
  const calls = [];
  const own = {};
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(kernels))) {
    if (typeof value !== 'function' || SKIPPED.has(name)) continue;
    own[name] = value;
    kernels[name] = (...args) => {
      calls.push([name, args]);
      return value(...args);
    };
  }
  await step();
  Object.assign(kernels, own);
  return calls;
}
