/** Runs one workload: starts and checks every engine, then times them in interleaved rounds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compare, expectedResults } from './agreement.mjs';
import { Channel } from './channel.mjs';
import { excuse } from './engines.mjs';
import { torchSettings } from './environment.mjs';
import { runtime } from './runtimes.mjs';
import { ADAM, dataFile, WORKLOADS } from './workloads.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * `timeoutMs`: the limit for a start or a step, after which an engine is excluded. `budgetMs`: the time for all rounds of an engine;
 * slow engines run fewer rounds.
 */
export const PACE = {
  full: { rounds: 9, roundMs: 400, warmMs: 500, checks: 3, timeoutMs: 90_000, budgetMs: 30_000 },
  quick: { rounds: 3, roundMs: 80, warmMs: 80, checks: 2, timeoutMs: 30_000, budgetMs: 1_500 },
};
const MIN_ROUNDS = 2;

/**
 * Returns an entry for each engine, by its id: `rounds` (the measurements; undefined for a skipped round), `check` ({ agrees, error },
 * null if its results cannot be compared) and `note`; or the reason why it is `missing`, and whether that was expected (`excused`).
 */
export async function contest(id, engines, pace, log) {
  const workload = WORKLOADS[id];
  const entries = {};
  for (const engine of engines) {
    const missing = excuse(engine, workload);
    entries[engine.id] = { missing, excused: missing !== null, rounds: [], check: null };
  }
  const able = engines.filter((engine) => !entries[engine.id].excused);
  log(`${id}: float64 reference ...`);
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

/** The first losses, for the result file; undefined for inference. */
const lossesOf = ({ kind }, results) => (kind === 'train' ? results.flat() : undefined);

/** Whether the engine's results can be compared with the reference. */
const isChecked = ({ group, computes }) => group !== 'ceilings' && !computes;

function open(engine, id, pace, data) {
  const { command } = runtime(engine.runtime);
  const slowMs = pace.budgetMs;
  const checks = isChecked(engine) ? pace.checks : 1;
  const { adapter, options } = engine;
  if (engine.runtime !== 'python') {
    const task = { adapter, workload: id, options, checks, slowMs };
    return new Channel(command, [here('worker.mjs'), JSON.stringify(task)]);
  }
  const task = { workload: WORKLOADS[id], adam: ADAM, threads: options.threads, checks, slowMs, data };
  return new Channel(command, [here('../python/worker.py'), JSON.stringify(task)], torchSettings(options));
}

/** Runs the engine's first steps, checks them, and runs a warm-up round. */
async function start(engine, id, { pace, data, expected, channels, entry }) {
  const began = performance.now();
  const channel = open(engine, id, pace, data);
  try {
    const first = [];
    for (;;) {
      const answer = await channel.answer(pace.timeoutMs);
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
      channel.send({ ms: pace.warmMs });
      entry.warm = await channel.answer(pace.timeoutMs);
    }
    channels.set(engine.id, channel);
  } catch (error) {
    entry.missing = error.message;
    await channel.close();
  }
}

/** Interleaved rounds, so that other load on the machine affects all engines. The order rotates each round. */
async function takeTurns(channels, entries, pace, log) {
  const planned = ({ warm }) => Math.max(MIN_ROUNDS, Math.min(pace.rounds, Math.floor(pace.budgetMs / warm.ms)));
  for (let round = 0; round < pace.rounds; round++) {
    log(round + 1);
    for (let i = 0; i < channels.length; i++) {
      const [id, channel] = channels[(i + round) % channels.length];
      const entry = entries[id];
      if (entry.missing || round >= planned(entry)) continue;
      channel.send({ ms: pace.roundMs });
      try {
        const measured = await channel.answer(pace.roundMs + pace.timeoutMs);
        entry.rounds[round] = measured;
        entry.note = measured.note;
      } catch (error) {
        entry.missing = error.message;
        await channel.close();
      }
    }
  }
}
