/**
 * The property test of all exports: whatever a plain JavaScript program passes, a call works or throws an `UnspoolError`, soon
 * and within bounded memory. Needs the built `dist`.
 *
 *   node test/exports/fuzz.mjs [--seconds 60] [--calls NUMBER] [--seed 1] [--only REGEXP] [--call NUMBER] [--all]
 *
 * --calls     makes so many calls, the same on every machine, however long they take
 * --only      only calls whose name matches, such as `^lab\.`, `^main\.Model\.`, `^main\.fit`
 * --call      repeats one call of a report (with the same --seed and --only)
 * --all       shows every finding, not only the first of each kind and place
 *
 * A finding is: a raw exception, also late (in a promise, an iteration, or without a handler); a call that takes more than 2.5
 * seconds of processor time, does not end, or takes more than 1.5 GB; an unknown key of a plain object that is ignored; an export
 * or method without a row in test/exports/subjects; a valid call that is rejected. The exit code is 1 if there is one.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { usageOf } from '../support/usage.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    calls: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    call: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
});
/** Limits of one call: seconds of processor time and of waiting, and bytes of the process. `CHECK`: milliseconds. */
const [BUSY, WAITING, MEMORY, CHECK] = [8, 120, 1.5e9, 250];
const seconds = Number(values.seconds ?? (values.calls === undefined ? 60 : Number.MAX_SAFE_INTEGER / 1e4));
/** The number after the last call. */
const limit = values.call === undefined ? Number(values.calls ?? Number.MAX_SAFE_INTEGER) : Number(values.call) + 1;
const folder = mkdtempSync(join(tmpdir(), 'unspool-fuzz-'));
const status = join(folder, 'status');
writeFileSync(status, '0\n');
const counts = { calls: 0, subjects: 0 };
const findings = new Map();

function add(finding) {
  const { kind, name, message, place } = finding;
  const key = [kind, name, message.replace(/\d+|"[^"]*"/g, '#').slice(0, 80), place[0]].join('|');
  const known = findings.get(key);
  if (known) known.count++;
  else {
    findings.set(key, { ...finding, count: 1 });
    show(finding);
  }
  if (known && values.all) show(finding);
}

const show = ({ kind, index, name, what, message, place }) =>
  console.log(
    [`${kind} #${index} ${name}(${what})`, `    ${message}`, ...place.map((line) => `    ${line}`)].join('\n'),
  );

const now = () => {
  const [index = '0', what = ''] = readFileSync(status, 'utf8').split('\n');
  return { index: Number(index), what: what.trim() };
};

/** Runs calls from number `first` on. Returns the number after the last, or null if time is up. */
function runFrom(first, seconds) {
  const settings = { first, last: limit, seconds, seed: Number(values.seed), only: values.only, status, slow: 20 };
  const file = fileURLToPath(new URL('child.mjs', import.meta.url));
  const child = fork(file, [JSON.stringify(settings)], {
    execArgv: ['--expose-gc', '--max-old-space-size=1200', '--stack-trace-limit=20'],
  });
  return new Promise((resolve) => {
    let [seen, since, used, done] = ['', Date.now(), 0, null];
    let killed = null;
    const watch = setInterval(() => {
      const { index, what } = now();
      const { bytes, seconds } = usageOf(child.pid);
      if (counts.subjects === 0) since = Date.now(); // it has not started: a busy machine
      if (`${index}${what}` !== seen) [seen, since, used] = [`${index}${what}`, Date.now(), seconds];
      const waited = (Date.now() - since) / 1000;
      if (bytes > MEMORY) killed = { kind: 'memory', message: `takes ${(bytes / 1e9).toFixed(1)} GB` };
      else if (seconds - used > BUSY) killed = { kind: 'hang', message: `computes for over ${BUSY} s` };
      else if (waited > WAITING) killed = { kind: 'hang', message: `has not ended after ${WAITING} s` };
      if (killed) child.kill('SIGKILL');
    }, CHECK);
    child.on('message', (message) => {
      if (message.kind === 'done') done = message;
      else if (message.kind === 'functions') counts.subjects = message.count;
      else add(message);
    });
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      if (done) {
        counts.calls += done.index - first;
        return resolve(null);
      }
      if (counts.subjects === 0) throw new Error('The test cannot start. Run npm run build first.');
      const { index, what } = now();
      const [name, ...rest] = what.split(': ');
      const end = killed ?? { kind: 'crash', message: `the process ends with ${code ?? signal}` };
      add({ ...end, index, name, what: rest.join(': '), place: [] });
      counts.calls += Math.max(0, index - first);
      resolve(Math.max(index, first) + 1);
    });
  });
}

const begin = Date.now();
let next = values.call === undefined ? 0 : Number(values.call);
while (next !== null) {
  const left = seconds - (Date.now() - begin) / 1000;
  if ((left <= 0 && next > 0 && values.call === undefined) || next >= limit) break;
  next = await runFrom(next, Math.max(left, 0));
  if (values.call !== undefined) break;
}
rmSync(folder, { recursive: true, force: true });
const by = {};
for (const { kind, count } of findings.values()) by[kind] = (by[kind] ?? 0) + count;
console.log(
  `\n${counts.calls} calls of ${counts.subjects} functions in ${Math.round((Date.now() - begin) / 1000)} s, seed ${values.seed}; ${by.raw ?? 0} raw exceptions, ${by.late ?? 0} late ones.`,
);
console.log(
  findings.size === 0
    ? 'ok'
    : `${findings.size} findings: ${Object.entries(by)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', ')}`,
);
process.exitCode = findings.size > 0 ? 1 : 0;
