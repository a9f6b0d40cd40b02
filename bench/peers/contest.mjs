/** One workload: every engine is started and checked, then each in turn is asked for a round, round after round. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compare, expectedResults } from './agreement.mjs';
import { Channel } from './channel.mjs';
import { excuse } from './engines.mjs';
import { runtime } from './runtimes.mjs';
import { ADAM, dataFile, WORKLOADS } from './workloads.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * How long things take. `patienceMs`: for a start or a step, after which an engine is left out; `budgetMs`: for all rounds of
 * an engine whose steps are so long that it cannot have them all.
 */
export const PACE = {
  full: { rounds: 9, roundMs: 400, warmMs: 500, checks: 3, patienceMs: 90_000, budgetMs: 30_000 },
  quick: { rounds: 3, roundMs: 80, warmMs: 80, checks: 2, patienceMs: 30_000, budgetMs: 1_500 },
};
const FEWEST_ROUNDS = 2;

/**
 * Returns, for each engine by its id in `entries`: `rounds` (what each measured; undefined where it sat out), `check`
 * ({ agrees, error }, null where there is nothing to compare), `note`, or why it is `missing` and whether that was to be
 * expected (`excused`).
 */
export async function contest(id, engines, pace, log) {
  const workload = WORKLOADS[id];
  const entries = {};
  for (const engine of engines) {
    const missing = excuse(engine, workload);
    entries[engine.id] = { missing, excused: missing !== null, rounds: [], check: null };
  }
  const able = engines.filter((engine) => !entries[engine.id].excused);
  log(`${id}: the reference in float64 ...`);
  const expected = await expectedResults(workload, pace.checks);
  const folder = mkdtempSync(join(tmpdir(), 'unspool-bench-'));
  const channels = new Map();
  try {
    const data = join(folder, `${id}.safetensors`);
    writeFileSync(data, dataFile(workload));
    for (const engine of able) {
      log(`${id}: ${engine.label} starts ...`);
      await start(engine, id, { pace, data, expected, channels, entry: entries[engine.id] });
    }
    await takeTurns([...channels], entries, pace, (round) => log(`${id}: round ${round} of ${pace.rounds} ...`));
  } finally {
    for (const channel of channels.values()) await channel.close();
    rmSync(folder, { recursive: true });
  }
  return { expectedLosses: lossesOf(workload, expected), entries };
}

/** The first losses, to be kept with the figures; of inference nothing is kept but how far it was off. */
const lossesOf = ({ kind }, results) => (kind === 'train' ? results.flat() : undefined);

/** Whether its results mean anything that could be compared. */
const isChecked = ({ group, computes }) => group !== 'ceilings' && !computes;

function open(engine, id, pace, data) {
  const { command } = runtime(engine.runtime);
  const slowMs = pace.budgetMs;
  const checks = isChecked(engine) ? pace.checks : 1;
  const { adapter, options } = engine;
  if (engine.runtime !== 'python') {
    const order = { adapter, workload: id, options, checks, slowMs };
    return new Channel(command, [here('worker.mjs'), JSON.stringify(order)]);
  }
  const order = { workload: WORKLOADS[id], adam: ADAM, threads: options.threads, checks, slowMs, data };
  return new Channel(command, [here('../python/worker.py'), JSON.stringify(order)]);
}

/** Its first steps, compared with what is expected, and a round that does not count. */
async function start(engine, id, { pace, data, expected, channels, entry }) {
  const began = performance.now();
  const channel = open(engine, id, pace, data);
  try {
    const first = [];
    for (;;) {
      const answer = await channel.answer(pace.patienceMs);
      if (answer.ready) break;
      if (first.length === 0) entry.coldMs = performance.now() - began;
      first.push(answer);
    }
    const results = first.map(({ result }) => result);
    if (isChecked(engine)) {
      entry.check = compare(WORKLOADS[id].kind, expected, results);
      entry.losses = lossesOf(WORKLOADS[id], results);
    }
    entry.warm = first.at(-1);
    if (entry.warm.ms < pace.budgetMs) {
      channel.order({ ms: pace.warmMs });
      entry.warm = await channel.answer(pace.patienceMs);
    }
    channels.set(engine.id, channel);
  } catch (error) {
    entry.missing = error.message;
    await channel.close();
  }
}

/** Interleaved, so that what else the machine does falls on all alike; the order moves on by one each round. */
async function takeTurns(channels, entries, pace, log) {
  const planned = ({ warm }) => Math.max(FEWEST_ROUNDS, Math.min(pace.rounds, Math.floor(pace.budgetMs / warm.ms)));
  for (let round = 0; round < pace.rounds; round++) {
    log(round + 1);
    for (let i = 0; i < channels.length; i++) {
      const [id, channel] = channels[(i + round) % channels.length];
      const entry = entries[id];
      if (entry.missing || round >= planned(entry)) continue;
      channel.order({ ms: pace.roundMs });
      try {
        const measured = await channel.answer(pace.roundMs + pace.patienceMs);
        entry.rounds[round] = measured;
        entry.note = measured.note;
      } catch (error) {
        entry.missing = error.message;
        await channel.close();
      }
    }
  }
}
