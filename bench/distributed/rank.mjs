/**
 * One process of a contestant: `node rank.mjs TASK`, alone or as a rank of MPI. A line with a number of steps on the first rank's stdin
 * runs them on all; the first rank then prints their mean time, the part of it that was spent in calls of MPI, and the last loss.
 */
import { createInterface } from 'node:readline';
import { adam, createModel, fit } from '../../dist/index.js';
import { ADAM, makeData } from '../peers/workloads.mjs';

const { workload, threads = 1, shards = 0, isMpi = false, mirror = 0 } = JSON.parse(process.argv[2]);
const CALLS = ['broadcast', 'allReduce', 'allGather', 'allToAll', 'barrier'];
const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** The communicator, with the time of its calls in `calls.ms`. */
function timed(communicator) {
  const calls = { ms: 0 };
  const own = { rank: communicator.rank, size: communicator.size, close: () => communicator.close() };
  for (const name of CALLS) {
    own[name] = async (...args) => {
      const start = performance.now();
      await communicator[name](...args);
      calls.ms += performance.now() - start;
    };
  }
  return { own, calls };
}

/** Rank 0 of `size`, where the others send what it sends: everything that a rank does but communication. */
function mirrorOf(size) {
  return {
    ...{ rank: 0, size },
    async broadcast() {},
    async allReduce() {},
    async allGather(part, all) {
      for (let rank = 0; rank < size; rank++) all.set(part, rank * part.length);
    },
    async allToAll(sent, received) {
      received.set(sent);
    },
    async barrier() {},
    async close() {},
  };
}

async function communicatorOf() {
  if (isMpi) return (await import('../../dist/distributed/index.js')).mpiRank();
  return mirror > 0 ? mirrorOf(mirror) : null;
}

/** One training step of the workload. */
async function trainingStep(communicator) {
  const { I, hidden, O, B, T } = workload;
  const layers = [
    ...hidden.map((hiddenSize) => ({ kind: 'lstm', hiddenSize, bias: 'single' })),
    { kind: 'linear', size: O },
  ];
  const model = await createModel({ inputSize: I, layers }, { backend: 'wasm', threads });
  const { inputs, targets, parameters } = makeData(workload);
  for (const [name, { data }] of Object.entries(parameters)) model.parameters.set(name, data);
  const batch = { steps: T, batchSize: B, inputs, targets };
  const train = { stateful: false, length: Number.MAX_SAFE_INTEGER, batch: () => batch };
  const options = { optimizer: adam(ADAM) };
  if (communicator) {
    const { distributed } = await import('../../dist/distributed/index.js');
    options.gradient = distributed(communicator, { shards });
  }
  const events = fit(model, { train }, options)[Symbol.asyncIterator]();
  return { step: async () => (await events.next()).value.loss, bytes: 4 * model.size };
}

/** Milliseconds of one call of each kind, with an empty message and with one of the gradient's size. */
async function callTimes(communicator, bytes) {
  const { size } = communicator;
  const block = Math.ceil(bytes / 4 / size);
  const times = {};
  for (const [name, length] of Object.entries({ small: 1, large: block })) {
    const [part, all] = [new Float32Array(length), new Float32Array(size * length)];
    const samples = [];
    for (let i = 0; i < 15; i++) {
      await communicator.barrier();
      const start = performance.now();
      await communicator.allToAll(all, all.slice());
      await communicator.allGather(part, all);
      samples.push((performance.now() - start) / 2);
    }
    times[name] = samples.sort((a, b) => a - b)[7];
  }
  return times;
}

const communicator = await communicatorOf();
const { own = null, calls = { ms: 0 } } = communicator ? timed(communicator) : {};
const { step, bytes } = await trainingStep(own);
send({ pid: process.pid, bytes });

/** Runs steps; a negative number measures the calls instead. */
async function serve(count) {
  const isFirst = !isMpi || communicator.rank === 0;
  if (count < 0) {
    const call = await callTimes(communicator, bytes);
    return isFirst && send({ call });
  }
  calls.ms = 0;
  const start = performance.now();
  let loss = 0;
  for (let i = 0; i < count; i++) loss = await step();
  const ms = (performance.now() - start) / count;
  if (isFirst) send({ ms, callMs: calls.ms / count, loss });
}

const lines =
  !isMpi || communicator.rank === 0 ? createInterface({ input: process.stdin })[Symbol.asyncIterator]() : null;
for (;;) {
  const word = Float64Array.of(0);
  if (lines) word[0] = Number((await lines.next()).value ?? 0);
  if (isMpi) await communicator.broadcast(word);
  if (word[0] === 0) break;
  await serve(word[0]);
}
await communicator?.close();
