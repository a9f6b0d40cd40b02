/**
 * Runs one engine on one workload:
 *   node worker.mjs '{"adapter":"unspool","workload":"W1","options":{},"checks":3,"slowMs":5000}'
 * It runs the first `checks` steps (two, if they are slow), sends the result of each, and then waits for commands. Both are lines of
 * JSON: commands on standard input, answers on file descriptor 3, so that libraries may print. ../python/worker.py is the same in
 * Python.
 *
 * An adapter exports `create(workload, data, options)`, which returns (a promise of) `step`: one step, returning the loss or
 * the output, or a promise of it; and optionally `note`: a function that describes what ran.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { makeData, WORKLOADS } from './workloads.mjs';

const CHUNK_MS = 1; // between two readings of the clock

const task = JSON.parse(process.argv[2]);
const workload = WORKLOADS[task.workload];
const send = (message) => writeSync(3, `${JSON.stringify(message)}\n`);

/** The loss, or the output's last time step; empty if the step returns nothing. */
function resultOf(value) {
  if (value === undefined) return [];
  return typeof value === 'number' ? [value] : [...value.slice(-workload.B * workload.O)];
}

async function firstSteps(step) {
  let ms = 0;
  for (let i = 0; i < task.checks; i++) {
    const start = performance.now();
    const value = await step();
    ms = performance.now() - start;
    send({ result: resultOf(value), ms });
    if (i > 0 && ms > task.slowMs) break;
  }
  return ms;
}

/** Runs steps for about `ms`. Returns their number, and the mean wall and CPU time of one. */
async function measure(step, ms, chunk) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let steps = 0;
  do {
    for (let i = 0; i < chunk; i++) {
      const value = step();
      if (value instanceof Promise) await value;
    }
    steps += chunk;
    await setImmediate(); // lets threads start and memory be freed
  } while (performance.now() - start < ms);
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { steps, ms: wall / steps, cpuMs: (user + system) / 1e3 / steps, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
}

try {
  const { create } = await import(`./adapters/${task.adapter}.mjs`);
  const { step, note } = await create(workload, makeData(workload), task.options);
  let stepMs = await firstSteps(step);
  send({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const chunk = Math.max(1, Math.round(CHUNK_MS / stepMs));
    const measured = await measure(step, JSON.parse(line).ms, chunk);
    stepMs = measured.ms;
    send({ ...measured, note: note?.() });
  }
  process.exit(0); // ends the threads of libraries
} catch (error) {
  send({ error: String(error?.message ?? error) });
  process.exit(1);
}
