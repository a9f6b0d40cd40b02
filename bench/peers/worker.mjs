/**
 * One engine on one workload, in a process of its own:
 *   node worker.mjs '{"adapter":"unspool","workload":"W1","options":{},"checks":3,"slowMs":5000}'
 * It does the first `checks` steps (two, if they are slow) and tells each one's result, then waits for orders. Both go by lines of JSON: orders on standard
 * input, answers on file descriptor 3, so that a library may print what it likes. ../python/worker.py is the same in Python.
 *
 * An adapter exports `create(workload, data, options)`, which returns (a promise of) `step`: one step, returning the loss or
 * the output, or a promise of it; and optionally `note`: a function telling what ran.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { makeData, WORKLOADS } from './workloads.mjs';

const CHUNK_MS = 1; // between two looks at the clock

const order = JSON.parse(process.argv[2]);
const workload = WORKLOADS[order.workload];
const tell = (message) => writeSync(3, `${JSON.stringify(message)}\n`);

/** A loss, or the output's last time step, or nothing, from what computes nothing of meaning. */
function resultOf(value) {
  if (value === undefined) return [];
  return typeof value === 'number' ? [value] : [...value.slice(-workload.B * workload.O)];
}

async function firstSteps(step) {
  let ms = 0;
  for (let i = 0; i < order.checks; i++) {
    const start = performance.now();
    const value = await step();
    ms = performance.now() - start;
    tell({ result: resultOf(value), ms });
    if (i > 0 && ms > order.slowMs) break;
  }
  return ms;
}

/** Steps for about `ms`: how many, and the mean time of one, by the clock and by the processors. */
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
    await setImmediate(); // whatever waits for the event loop: threads that start, memory to be given back
  } while (performance.now() - start < ms);
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { steps, ms: wall / steps, cpuMs: (user + system) / 1e3 / steps, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
}

try {
  const { create } = await import(`./adapters/${order.adapter}.mjs`);
  const { step, note } = await create(workload, makeData(workload), order.options);
  let stepMs = await firstSteps(step);
  tell({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const chunk = Math.max(1, Math.round(CHUNK_MS / stepMs));
    const measured = await measure(step, JSON.parse(line).ms, chunk);
    stepMs = measured.ms;
    tell({ ...measured, note: note?.() });
  }
  process.exit(0); // whatever threads a library keeps
} catch (error) {
  tell({ error: String(error?.message ?? error) });
  process.exit(1);
}
