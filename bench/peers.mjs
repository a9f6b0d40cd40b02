/**
 * Unspool beside the other ways to run an LSTM from JavaScript, and PyTorch: each engine in a process of its own, in
 * interleaved rounds, its first results compared with our float64 reference before it is timed.
 *   npm run bench -- peers [--quick] [--only W1,S2] [--rounds N] [--engines ours,torch] [--out NAME]
 * Prints a table for each workload and writes bench/results/NAME.md, .json and .svg. What is compared is in peers/workloads.mjs,
 * with whom in peers/engines.mjs; the peers are installed by peers/package.json, on the first run that needs them.
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

const HOW_TO_READ = `ms: one step, the median over the rounds. CPU ms: of all its threads. GFLOP/s: of the LSTM's products, nominally.
Of products: the time of Unspool's products alone at these shapes, over this time (for a JavaScript engine on the same Node with
as many threads, for native code on Node 24); of kernels: the same with all its kernels' calls. x Unspool, x PyTorch: this time
over that of Unspool's wasm backend on this Node, and of PyTorch, with one thread. Shares and ratios are medians of those of each
round. Error: the largest relative difference of the first results from a float64 reference's; in training, of the loss's change.`;

const list = (text) => text.split(',').filter(Boolean);

function settings(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const pace = { ...PACE[values.quick ? 'quick' : 'full'] };
  if (values.rounds !== undefined) pace.rounds = Number(values.rounds);
  if (!(Number.isInteger(pace.rounds) && pace.rounds >= 1)) throw new Error('--rounds should be an integer from 1.');
  const unknown = list(values.only).find((id) => !Object.hasOwn(WORKLOADS, id));
  if (unknown) throw new Error(`There is no workload "${unknown}". Known: ${Object.keys(WORKLOADS).join(', ')}.`);
  const whole = !values.quick && !values.only && !values.engines && values.rounds === undefined;
  return {
    pace,
    ids: values.only ? list(values.only) : Object.keys(WORKLOADS),
    engines: select(list(values.engines)),
    out: values.out ?? (whole ? 'peers' : 'peers-part'),
  };
}

/** NAME VERSION of what the peers' package file installs, but for what only serves the bench. */
function peerVersions() {
  const { dependencies } = JSON.parse(readFileSync(new URL('./peers/package.json', import.meta.url), 'utf8'));
  return Object.entries(dependencies).flatMap(([name, version]) =>
    name.startsWith('vega') ? [] : [`${name} ${version}`],
  );
}

/** Where and when: the versions, and how busy the machine was. */
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
  const parts = [`## Side by side\n\n${about.machine}; ${about.when.slice(0, 10)}; ${versions}.\n\n${HOW_TO_READ}`];
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
    console.log('\nNo chart: what draws it is not installed (npm ci --ignore-scripts --prefix bench/peers).');
    return;
  }
  const { peersChart } = await import('./peers/chart.mjs');
  await writeChart(`${out}.svg`, peersChart(workloads, about));
}
