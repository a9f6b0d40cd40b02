/**
 * Compares Unspool with other ways to run an LSTM from JavaScript, and with PyTorch. Each engine runs in a separate process, in
 * interleaved rounds; its first results are compared with our float64 reference before it is timed.
 *   npm run bench -- peers [--quick] [--only W1,S2] [--rounds N] [--engines ours,torch] [--out NAME]
 * Prints a table for each workload and writes bench/results/NAME.md, .json and .svg. The workloads are in peers/workloads.mjs, the
 * engines in peers/engines.mjs. The first run that needs the other libraries installs them from peers/package-lock.json.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { machine } from './measure.mjs';
import { contest, PACE } from './peers/contest.mjs';
import { select } from './peers/engines.mjs';
import { figures, overview, report } from './peers/report.mjs';
import { installPeers, peersInstalled, runtime } from './peers/runtimes.mjs';
import { WORKLOADS } from './peers/workloads.mjs';
import { progress, write, writeChart } from './results.mjs';

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
  rounds: { type: 'string' },
  engines: { type: 'string', default: '' },
  out: { type: 'string' },
};

const LEGEND = `ms: median time of a step. CPU ms: sum over all threads. GFLOP/s: nominal, of the LSTM's matrix products. Of products: the
time of Unspool's matrix products alone at these shapes, divided by this time (for JavaScript engines on the same Node with the same
number of threads; for native code on Node 24). Of kernels: the same for all kernel calls. x Unspool, x PyTorch: this time divided by
that of Unspool's wasm backend on this Node, and of PyTorch, with one thread. Shares and ratios are medians over the rounds. Error:
the largest relative difference of the first results from a float64 reference; in training, of the change of the loss.`;

const list = (text) => text.split(',').filter(Boolean);

function settings(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const pace = { ...PACE[values.quick ? 'quick' : 'full'] };
  if (values.rounds !== undefined) pace.rounds = Number(values.rounds);
  if (!(Number.isInteger(pace.rounds) && pace.rounds >= 1))
    throw new Error(`--rounds must be an integer of at least 1, got ${values.rounds}.`);
  const unknown = list(values.only).find((id) => !Object.hasOwn(WORKLOADS, id));
  if (unknown) throw new Error(`unknown workload "${unknown}". Use ${Object.keys(WORKLOADS).join(', ')}.`);
  const whole = !values.quick && !values.only && !values.engines && values.rounds === undefined;
  return {
    pace,
    ids: values.only ? list(values.only) : Object.keys(WORKLOADS),
    engines: select(list(values.engines)),
    out: values.out ?? (whole ? 'peers' : 'peers-part'),
  };
}

/** `NAME VERSION` of each peer; the chart library is left out. */
function peerVersions() {
  const { dependencies } = JSON.parse(readFileSync(new URL('./peers/package.json', import.meta.url), 'utf8'));
  return Object.entries(dependencies).flatMap(([name, version]) =>
    name.startsWith('vega') ? [] : [`${name} ${version}`],
  );
}

/** When and where the benchmark runs: versions, machine and load. */
function circumstances(engines) {
  const versions = [...new Set(engines.map((engine) => engine.runtime))].map((name) => [
    name,
    runtime(name).version ?? null,
  ]);
  return {
    when: new Date().toISOString(),
    machine: machine(),
    versions: Object.fromEntries(versions),
    peers: peerVersions(),
    load: os.loadavg(),
  };
}

export async function run(args) {
  const { pace, ids, engines, out } = settings(args);
  if (engines.some(({ group }) => group === 'peers')) installPeers();
  const about = circumstances(engines);
  const versions = [...Object.values(about.versions).filter(Boolean), ...about.peers].join(', ');
  const parts = [
    `## Unspool and other engines\n\n${about.machine}; ${about.when.slice(0, 10)}; ${versions}.\n\n${LEGEND}`,
  ];
  console.log(`\n${parts[0]}`);
  const workloads = {};
  for (const id of ids) {
    const { expectedLosses, entries } = await contest(id, engines, pace, progress);
    const found = { load: os.loadavg(), expectedLosses, figures: figures(id, engines, entries), entries };
    workloads[id] = { ...WORKLOADS[id], ...found };
    parts.push(report(id, engines, entries));
    progress('');
    console.log(`\n${parts.at(-1)}`);
    write(`${out}.md`, `${parts.join('\n\n')}\n`);
    write(`${out}.json`, JSON.stringify({ ...about, pace, workloads }, null, 1));
  }
  console.log(`\n${overview(workloads)}`);
  parts.splice(1, 0, overview(workloads));
  write(`${out}.md`, `${parts.join('\n\n')}\n`);
  if (!peersInstalled()) {
    console.log('\nNo chart: Vega is not installed (npm ci --ignore-scripts --prefix bench/peers).');
    return;
  }
  const { peersChart } = await import('./peers/chart.mjs');
  await writeChart(`${out}.svg`, peersChart(workloads, about));
}
