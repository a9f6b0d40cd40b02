/**
 * Cold start: the time from the start of a process to the end of its first training step (workload W1 on the wasm backend).
 *   npm run bench -- start
 * `node` is the time until Node runs the first line of the program. The processes get no NODE_ variables, because Node reads some
 * options and certificates before it starts.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { machine, table, three } from './measure.mjs';
import { summary } from './statistics.mjs';

const PROCESSES = 15;
const STAGES = ['node', 'import', 'createModel', 'first training step'];
const program = fileURLToPath(new URL('./start/step.mjs', import.meta.url));

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')));

/** Milliseconds of each stage in one process. */
function coldStart() {
  const requested = performance.timeOrigin + performance.now();
  const { began, marks } = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8', env }));
  return marks.map((at, i) => (i === 0 ? began + at - requested : at - marks[i - 1]));
}

export async function run() {
  coldStart(); // fills the system's file cache
  const processes = Array.from({ length: PROCESSES }, coldStart);
  const row = (name, values) => {
    const { median, low, high } = summary(values);
    return [name, three(median), `${three(low)}-${three(high)}`];
  };
  const rows = STAGES.map((name, i) =>
    row(
      name,
      processes.map((stages) => stages[i]),
    ),
  );
  const total = processes.map((stages) => stages.reduce((a, b) => a + b));
  console.log(`\nCold start to the first training step, medians of ${PROCESSES} processes (${machine()})\n`);
  console.log(table(['stage', 'ms', 'quartiles'], [...rows, row('total', total)]));
}
