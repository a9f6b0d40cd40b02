/**
 * Two ranks of MPI next to one process with one thread and with two, and PyTorch's DDP with gloo; and the scaling model that follows from
 * measured parts of a step.
 *   npm run bench -- distributed [--workloads W2,W3,W4] [--rounds N] [--seconds S]
 * Needs MPI and koffi; PyTorch takes part if there is a python3 with it (bench/peers/runtimes.mjs). The processes take turns; those that wait are stopped. `callMs` is the time of a step in calls of MPI: nothing that
 * overlaps communication with the backward pass can gain more.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mpirun, pytorch, unspool, withAll } from './distributed/contestant.mjs';
import { doublings, efficiency, exchangeMs, fitOwn, lastGain, ownMs, stepMs } from './distributed/model.mjs';
import { efficiencyChart } from './distributed/plot.mjs';
import { machine, table, three } from './measure.mjs';
import { runtime } from './peers/runtimes.mjs';
import { ADAM, dataFile, sizes, WORKLOADS } from './peers/workloads.mjs';
import { progress, write } from './results.mjs';
import { median, pairedRatio } from './statistics.mjs';

const OPTIONS = {
  workloads: { type: 'string', default: 'W2,W3,W4' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '1.5' },
};

/** Networks of the model. Their figures are assumptions: nominal bandwidth, and latencies that are usual for TCP and for RDMA. */
const NETWORKS = {
  '1 Gbit/s': { latency: 0.03, bandwidth: 1.25e5 },
  '100 Gbit/s': { latency: 0.003, bandwidth: 1.25e7 },
};

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });

/** A Python with PyTorch, an optimized BLAS and gloo; null, with the reason on the terminal, if there is none. */
function pythonWithGloo() {
  const { command, version, missing } = runtime('python');
  if (missing) {
    console.error(`Without PyTorch: ${missing}.`);
    return null;
  }
  const program = 'import torch.distributed as d\nassert d.is_available() and d.is_gloo_available()';
  if (spawnSync(command, ['-c', program]).status === 0) return { command, version };
  console.error(`Without PyTorch: that of ${command} was built without gloo.`);
  return null;
}

const contest = (contestants, times) => withAll(Object.values(contestants), () => takeTurns(contestants, times));

async function takeTurns(contestants, { rounds, seconds }) {
  const counts = {};
  const results = {};
  for (const [name, contestant] of Object.entries(contestants)) {
    await contestant.ready();
    await contestant.run(1); // compiles code and allocates memory
    const [{ ms }] = await contestant.run(1);
    counts[name] = Math.max(1, Math.round((1000 * seconds) / ms));
    results[name] = [];
  }
  const names = Object.keys(contestants);
  for (let round = 0; round < rounds; round++) {
    for (const i of names.keys()) {
      const name = names[(i + round) % names.length];
      const answers = await contestants[name].run(counts[name]);
      results[name].push(answers.reduce((a, b) => (a.ms > b.ms ? a : b)));
    }
  }
  for (const contestant of Object.values(contestants)) contestant.end();
  return results;
}

const ms = (results) => results.map((result) => result.ms);

/** Steps of one workload. */
async function compare(workload, { python, folder, ...times }) {
  const task = { workload, adam: ADAM, data: join(folder, 'data.safetensors') };
  writeFileSync(task.data, dataFile(workload));
  const contestants = {
    'one thread': unspool({ workload }),
    'two threads': unspool({ workload, threads: 2 }),
    'two ranks, 2 shards': unspool({ workload, shards: 2 }, 2),
    'two ranks, 8 shards': unspool({ workload, shards: 8 }, 2),
    ...(python && {
      'PyTorch, one process': pytorch(python.command, task, 1, await freePort()),
      'PyTorch DDP, two processes': pytorch(python.command, task, 2, await freePort()),
    }),
  };
  const results = await contest(contestants, times);
  return Object.entries(results).map(([name, list]) => {
    const base = results[name.startsWith('PyTorch') ? 'PyTorch, one process' : 'one thread'];
    const gain = pairedRatio(ms(base), ms(list)).median;
    const callMs = list[0].callMs > 0 ? median(list.map((result) => result.callMs)) : null;
    const workers = name.includes('two') ? 2 : 1;
    return { name, ms: median(ms(list)), gain, efficiency: gain / workers, callMs };
  });
}

/** What a rank does in a step of W3 without communication, on several numbers of ranks and sequences. */
const OWN_STEPS = [
  [2, 16],
  [2, 64],
  [2, 128],
  [8, 64],
  [16, 256],
];

/** The parameters of the model for W3, measured on this machine. */
async function parameters(times) {
  const steps = [];
  for (const [ranks, rows] of OWN_STEPS) {
    const workload = { ...WORKLOADS.W3, B: rows };
    const rank = unspool({ workload, mirror: ranks, shards: ranks });
    const { own } = await contest({ own: rank }, { ...times, rounds: 3 });
    steps.push({ ranks, rows, ms: median(ms(own)) });
    progress(`${ranks} ranks, ${rows} sequences: ${three(steps.at(-1).ms)} ms without communication`);
  }
  const pair = unspool({ workload: WORKLOADS.W3, shards: 2 }, 2);
  await pair.ready();
  const [{ call }] = await pair.run(-1);
  pair.end();
  progress('');
  const { bytes } = pair;
  // Between two ranks a call sends half of the gradient.
  const local = { latency: call.small, bandwidth: bytes / 2 / (call.large - call.small) };
  return { bytes, ...fitOwn(steps), local, steps };
}

/** The lines of the chart, and the table of the model. */
function scaling(machineOf) {
  const lines = [];
  const rows = [];
  const { B } = WORKLOADS.W3;
  for (const [name, network] of Object.entries(NETWORKS)) {
    const grow = doublings(1024).map((P) => [P, efficiency(machineOf, network, P, B * P, B)]);
    const fixed = doublings(B).map((P) => [P, efficiency(machineOf, network, P, B, B)]);
    lines.push({ label: `${B} sequences per rank, ${name}`, points: grow });
    lines.push({ label: `${B} sequences in all, ${name}`, points: fixed });
    for (const P of [2, 8, 64, 1024]) {
      const own = ownMs(machineOf, P, B * P);
      const exchange = exchangeMs(machineOf, network, P);
      const percent = (100 * efficiency(machineOf, network, P, B * P, B)).toFixed(0);
      rows.push([name, P, three(own), three(exchange), `${percent} %`]);
    }
  }
  return { lines, rows };
}

function printModel(machineOf, two) {
  const { fixed, perRow, perBatchRow, bytes, local } = machineOf;
  const { B } = WORKLOADS.W3;
  console.log(`
Scaling model of W3, ${three(bytes / 1e6)} MB of gradient
  fixed ${three(fixed)} ms, per sequence of a rank ${three(perRow)} ms, per sequence of the batch ${three(perBatchRow)} ms
  a call between two ranks here: ${three(1000 * local.latency)} us and ${three(local.bandwidth / 1e6)} GB/s
  two ranks here: ${three(stepMs(machineOf, local, 2, B))} ms predicted${two ? `, ${three(two.ms)} ms measured` : ''}
`);
  const { lines, rows } = scaling(machineOf);
  console.log(table(['network', 'ranks', 'own, ms', 'exchange, ms', `efficiency at ${B} per rank`], rows));
  for (const [name, network] of Object.entries(NETWORKS)) {
    const last = lastGain(machineOf, network, B);
    const at = doublings(B).find((P) => efficiency(machineOf, network, P, B, B) < 0.5);
    console.log(
      `\n${name}, ${B} sequences in all: doubling the ranks shortens a step by 10 % or more up to ${last} ranks; the efficiency falls below 50 % at ${at ?? `more than ${B}`} ranks.`,
    );
  }
  write('distributed.svg', efficiencyChart('Efficiency of W3 by the scaling model', lines));
}

export async function run(options) {
  const { values } = parseArgs({ args: options, options: OPTIONS });
  if (!mpirun) throw new Error('This benchmark needs MPI: apt install openmpi-bin.');
  const times = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  const python = pythonWithGloo();
  const folder = mkdtempSync(join(tmpdir(), 'unspool-bench-'));
  const all = {};
  for (const id of values.workloads.split(',')) {
    progress(`${id} ...`);
    const figures = await compare(WORKLOADS[id], { ...times, python, folder });
    progress('');
    all[id] = figures;
    console.log(
      `\n${id}: one training step, ${sizes(WORKLOADS[id])} (${machine()}${python ? `, ${python.version}` : ''})\n`,
    );
    const rows = figures.map(({ name, ms, gain, efficiency, callMs }) => [
      ...[name, three(ms), three(gain), `${(100 * efficiency).toFixed(0)} %`, callMs === null ? '' : three(callMs)],
    ]);
    console.log(table(['', 'ms', 'speed', 'efficiency', 'in calls of MPI, ms'], rows));
  }
  rmSync(folder, { recursive: true });
  const model = await parameters(times);
  printModel(
    model,
    all.W3?.find(({ name }) => name === 'two ranks, 2 shards'),
  );
  write(
    'distributed.json',
    `${JSON.stringify({ machine: machine(), python: python?.version, workloads: all, model }, null, 2)}\n`,
  );
  console.log('\nWritten to bench/results/: distributed.svg and distributed.json.');
}
