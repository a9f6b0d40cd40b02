/**
 * Damaged files of every format that Unspool reads: each gives a model or an `UnspoolError` that names the problem, soon and within
 * bounded memory. Needs the built `dist`.
 *
 *   node test/interop/fuzz.mjs [--seconds 60] [--files NUMBER] [--seed 1] [--only REGEXP] [--file NUMBER]
 *
 * --files     opens so many files, the same on every machine, however long they take
 * --only      only files whose name matches, such as `\.onnx$`
 * --file      repeats one file of a report (with the same --seed and --only)
 *
 * A finding is: another exception, also late; a message of more than 5,000 characters; a file that takes more than 2 seconds of
 * processor time, does not end, or takes more than 700 MB. The exit code is 1 if there is one.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { usageOf } from '../support/usage.mjs';

const option = { type: 'string' };
const { values } = parseArgs({
  options: { seconds: option, files: option, seed: { type: 'string', default: '1' }, only: option, file: option },
});
/** Limits of one file: seconds of processor time and of waiting, and bytes of the process. `CHECK`: milliseconds. */
const [BUSY, WAITING, MEMORY, CHECK] = [8, 120, 700e6, 100];
const isCounted = values.files !== undefined || values.file !== undefined;
const seconds = Number(values.seconds ?? (isCounted ? 1e9 : 60));
const first = Number(values.file ?? 0);
const last = values.file === undefined ? Number(values.files ?? Number.MAX_SAFE_INTEGER) : first + 1;
const folder = mkdtempSync(join(tmpdir(), 'unspool-fuzz-files-'));
const status = join(folder, 'status');
const findings = new Map();
let models = 0;

function add({ index, what, stack }) {
  const key = stack.replace(/\d+|"[^"]*"/g, '#').slice(0, 300);
  if (!findings.has(key)) console.log(`#${index} ${what}\n    ${stack.replace(/\n/g, '\n    ')}`);
  findings.set(key, (findings.get(key) ?? 0) + 1);
}

/** Opens files from number `from` on. Returns the number after the last; null if a process could not start. */
function runFrom(from, left) {
  writeFileSync(status, '\n');
  const settings = { first: from, last, seconds: left, seed: Number(values.seed), only: values.only, status };
  const child = fork(fileURLToPath(new URL('fuzz/child.mjs', import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--max-old-space-size=500', '--stack-trace-limit=20'],
  });
  const now = () => readFileSync(status, 'utf8').trim();
  return new Promise((resolve, reject) => {
    let [seen, since, used, killed, done] = ['', Date.now(), 0, null, null];
    const watch = setInterval(() => {
      const { bytes, seconds: busy } = usageOf(child.pid);
      if (now() !== seen || seen === '') [seen, since, used] = [now(), Date.now(), busy];
      if (bytes > MEMORY) killed = `takes ${(bytes / 1e6).toFixed(0)} MB`;
      else if (busy - used > BUSY) killed = `computes for over ${BUSY} s`;
      else if (Date.now() - since > WAITING * 1000) killed = `has not ended after ${WAITING} s`;
      if (killed) child.kill('SIGKILL');
    }, CHECK);
    child.on('message', (message) => (message.kind === 'done' ? (done = message) : add(message)));
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      models += done?.models ?? 0;
      if (done) return resolve(done.index);
      const [index, what] = now().split('\n');
      if (what === undefined) return reject(new Error('The test cannot start. Run npm run build first.'));
      add({ index, what, stack: killed ?? `the process ends with ${code ?? signal}` });
      resolve(Number(index) + 1);
    });
  });
}

const begin = Date.now();
const left = () => seconds - (Date.now() - begin) / 1000;
let next = first;
do next = await runFrom(next, left());
while (left() > 0 && next < last);
rmSync(folder, { recursive: true, force: true });
const total = [...findings.values()].reduce((a, b) => a + b, 0);
console.log(
  `${next - first} files, ${models} still models, in ${Math.round((Date.now() - begin) / 1000)} s, seed ${values.seed}; ${total} findings.`,
);
process.exitCode = total > 0 ? 1 : 0;
