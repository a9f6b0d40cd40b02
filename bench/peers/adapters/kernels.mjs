/**
 * The ceilings: what one of Unspool's steps asks of its backend, with no engine around it. The calls of one step are recorded,
 * then made again and again: all of them, or (`products`) the matrix products only, which nothing that computes the same with
 * these kernels can beat. The numbers that come out mean nothing; their amount and the order of the work are the engine's.
 */
import { revectorize } from '../../../dist/node/index.js';
import { engine } from './unspool.mjs';

const PRODUCTS = new Set(['gemm', 'gemmPacked']);
/** Do no work of the step: memory, and reading results. */
const AROUND = new Set(['alloc', 'allocPacked', 'view', 'free', 'download', 'host', 'dispose']);
const WARM_MS = 200; // by then the threads have started

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
  return { step: replay, note: () => `${wanted.length} calls a step, ${k.threads} threads` };
}

/** [instruction, arguments] of everything that one step does, once the first step has laid out what is laid out once. */
async function record(kernels, step) {
  await step();
  const calls = [];
  const own = {};
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(kernels))) {
    if (typeof value !== 'function' || AROUND.has(name)) continue;
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
