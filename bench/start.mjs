/**
 * Cold start: the time from the start of a process to the end of its first training step (workload W1 on the wasm backend), and the
 * time of commands that compute nothing, next to that of Node with an empty program.
 *   npm run bench -- start
 * `node` is the time until Node runs the first line of the program. The processes get no NODE_ variables, because Node reads some
 * options and certificates before it starts.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, table, three } from './measure.mjs';
import { summary } from './statistics.mjs';

const PROCESSES = 15;
const STAGES = ['node', 'import', 'createModel', 'first training step'];
const pathOf = (file) => fileURLToPath(new URL(file, import.meta.url));
const program = pathOf('./start/step.mjs');
const MAIN = pathOf('../dist/cli/main.js');
/** What a process runs, by the name in the table. The first one is what the others are compared with. */
const COMMANDS = {
  'node -e 0': ['-e', '0'],
  'unspool --version': [MAIN, '--version'],
  'unspool --help': [MAIN, '--help'],
  'unspool train --help': [MAIN, 'train', '--help'],
  'unspool runs': [MAIN, 'runs'],
};

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_')));

/** Milliseconds of each stage in one process. */
function coldStart() {
  const requested = performance.timeOrigin + performance.now();
  const { began, marks } = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8', env }));
  return marks.map((at, i) => (i === 0 ? began + at - requested : at - marks[i - 1]));
}

/** Milliseconds of a process: on the clock, and of processor time, which a busy machine lengthens less. */
function commandTime(args, cwd) {
  const begun = performance.now();
  const stdio = ['ignore', 'ignore', 'inherit', 'pipe'];
  const { status, output } = spawnSync(process.execPath, ['-r', pathOf('./start/cpu.cjs'), ...args], {
    cwd,
    env,
    stdio,
  });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}.`);
  return { wall: performance.now() - begun, cpu: Number(output[3]) };
}

/** Commands and Node alone in turns, in an empty folder. */
function commandTable() {
  const cwd = mkdtempSync(join(tmpdir(), 'unspool-bench-'));
  const times = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, []]));
  for (let round = 0; round < PROCESSES; round++) {
    for (const [name, args] of Object.entries(COMMANDS)) times[name].push(commandTime(args, cwd));
  }
  rmSync(cwd, { recursive: true });
  const medianOf = (list, key) => summary(list.map((time) => time[key])).median;
  const [first] = Object.values(times);
  const rows = Object.entries(times).map(([name, list]) => [
    name,
    ...['wall', 'cpu'].flatMap((key) => {
      const median = medianOf(list, key);
      return [three(median), list === first ? '' : `+${three(median - medianOf(first, key))}`];
    }),
  ]);
  return table(['process', 'ms', 'more than Node', 'CPU ms', 'more than Node'], rows);
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
  console.log(`\nCommands that compute nothing, medians of ${PROCESSES} processes\n`);
  console.log(commandTable());
}
