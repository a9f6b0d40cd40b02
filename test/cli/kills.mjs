/**
 * Kills (-9) `unspool train` and `unspool tune` at random moments, resumes them, and checks that no run is lost, no file is broken, and
 * that the final files are those of a run that was not disturbed, byte for byte. Needs a build (`npm run build`).
 *
 *   node test/cli/kills.mjs [--kills 100] [--jobs text,forecaster,classifier,tune,tune-folds] [--seed 1]
 *
 * The last line is JSON.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseModel } from '../../dist/index.js';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    jobs: { type: 'string', default: 'text,forecaster,classifier,tune,tune-folds' },
    seed: { type: 'string', default: '1' },
  },
});

let state = Number(values.seed);
/** From 0 to 1: Park and Miller's generator. */
const random = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
};

/** Runs the command, and kills it after so many milliseconds. Returns its exit code; null if it was killed. */
async function run(cwd, args, killAfter = Number.POSITIVE_INFINITY) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  const ended = new Promise((done) => child.on('close', (code, signal) => done(signal ? null : code)));
  const over = new AbortController();
  if (Number.isFinite(killAfter)) {
    void sleep(killAfter, undefined, { signal: over.signal }).then(
      () => process.kill(-child.pid, 'SIGKILL'), // the process and its workers
      () => {},
    );
  }
  const code = await ended;
  over.abort();
  return { code, printed };
}

const words = Array.from({ length: 90 }, (_, i) => 'bcdfg'[i % 5] + 'aeiou'[(i >> 1) % 5] + (i % 3 ? 'a' : 'b'));
const INPUTS = {
  'text.txt': Array.from({ length: 900 }, (_, i) => ['the', 'whale', 'sea', 'ship'][(i * i + i) % 4]).join(' '),
  'words.csv': `word,end\n${words.map((word) => `${word},${word.endsWith('a') ? 'vowel' : 'consonant'}`).join('\n')}\n`,
  'shop.csv': `sold\n${Array.from({ length: 90 }, (_, i) => 20 + (i % 7) * 3 + i / 30).join('\n')}\n`,
  'search.json': JSON.stringify({
    ...{ text: 'text.txt', hiddenSize: 4, embeddingSize: 4, batchSize: 4, steps: 8, maxUpdates: 30 },
    lr: { from: 0.001, to: 1, scale: 'log' },
  }),
  'folds.json': JSON.stringify({
    ...{ table: 'words.csv', label: 'end', text: 'word', hiddenSize: 4, embeddingSize: 4, epochs: 2 },
    lr: { from: 0.001, to: 0.1, scale: 'log' },
  }),
};

const MODEL = [...['--hidden-size', '8', '--batch-size', '4', '--checkpoint-every', '3', '--quiet'], '--run', 'run'];
const STUDY = ['--trials', '6', '--rungs', '1', '--workers', '1', '--out', 'run', '--quiet'];
const RESUME = ['train', '--resume', 'run', '--quiet'];

/** How each job begins and continues. A study continues with the same command. */
const JOBS = {
  text: { begin: ['train', 'text.txt', '--steps', '8', '--epochs', '2', ...MODEL], resume: RESUME },
  forecaster: {
    begin: [
      ...['train', 'shop.csv', '--target', 'sold', '--history', '5', '--horizon', '2'],
      '--epochs',
      '6',
      ...MODEL,
    ],
    resume: RESUME,
  },
  classifier: { begin: ['train', 'words.csv', '--label', 'end', '--epochs', '6', ...MODEL], resume: RESUME },
  tune: { begin: ['tune', 'search.json', ...STUDY], resume: null },
  'tune-folds': { begin: ['tune', 'folds.json', '--folds', '2', ...STUDY], resume: null },
};

const linesOf = (text) => text.split('\n').slice(0, -1); // without one that a kill cut off

/** The trials of a study, without the time that they took. */
const trialsIn = (text) =>
  linesOf(text)
    .map((line) => ({ ...JSON.parse(line), seconds: 0 }))
    .sort((a, b) => a.number - b.number);

/** Throws if a file of the run is damaged. What is left of a write that a kill cut off has another name. */
function requireWhole(folder) {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const bytes = readFileSync(join(folder, name));
    if (name.endsWith('.safetensors')) parseModel(bytes, name);
    if (name.endsWith('.json')) JSON.parse(String(bytes));
    if (name.endsWith('.jsonl')) for (const line of linesOf(String(bytes))) JSON.parse(line);
  }
}

/** The files of a finished run that must be the same in every run. */
function resultOf(folder) {
  const result = {};
  for (const name of readdirSync(folder).sort()) {
    const text = String(readFileSync(join(folder, name)));
    if (name === 'trials.jsonl') result[name] = JSON.stringify(trialsIn(text));
    else if (name === 'run.json') result[name] = JSON.stringify([JSON.parse(text).status, JSON.parse(text).result]);
    else if (/\.safetensors$|^metrics\.jsonl$|^(config|best)\.json$/.test(name)) {
      result[name] = createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex');
    }
  }
  return result;
}

const made = mkdtempSync(join(tmpdir(), 'unspool-kills-'));
process.on('exit', () => rmSync(made, { recursive: true, force: true }));

function newFolder() {
  const folder = mkdtempSync(join(made, 'job-'));
  for (const [name, content] of Object.entries(INPUTS)) writeFileSync(join(folder, name), content);
  return folder;
}

/** What continues a killed run: a run that has no checkpoint yet begins again. */
function nextOf({ begin, resume }, folder) {
  const at = join(folder, 'run');
  if (resume === null || !existsSync(join(at, 'run.json'))) return { args: begin, again: resume !== null };
  if (existsSync(join(at, 'model.checkpoint.safetensors'))) return { args: resume, again: false };
  return existsSync(join(at, 'model.safetensors')) ? null : { args: begin, again: true };
}

/** Runs a job undisturbed, then again and again with kills. */
async function test(name, kills) {
  const job = JOBS[name];
  const reference = newFolder();
  const began = performance.now();
  const whole = await run(reference, job.begin);
  if (whole.code !== 0) throw new Error(`${name}: ${whole.printed}`);
  const took = performance.now() - began;
  const expected = JSON.stringify(resultOf(join(reference, 'run')));
  const counts = { kills: 0, runs: 0, resumed: 0, begunAgain: 0 };
  while (counts.kills < kills) {
    const folder = newFolder();
    let args = job.begin;
    for (;;) {
      const mayKill = counts.kills < kills;
      const { code, printed } = await run(folder, args, mayKill ? random() * took : Number.POSITIVE_INFINITY);
      if (code !== null && code !== 0) throw new Error(`${name}: ${args.join(' ')} gave ${code}: ${printed}`);
      requireWhole(join(folder, 'run'));
      if (code === 0) break;
      counts.kills++;
      const next = nextOf(job, folder);
      if (next === null) break; // killed after its end
      if (next.again) rmSync(join(folder, 'run'), { recursive: true, force: true });
      counts[next.again ? 'begunAgain' : 'resumed']++;
      args = next.args;
    }
    const found = JSON.stringify(resultOf(join(folder, 'run')));
    if (found !== expected) throw new Error(`${name}: a run differs:\n${found}\n${expected}`);
    counts.runs++;
    rmSync(folder, { recursive: true });
  }
  return counts;
}

const results = {};
for (const name of values.jobs.split(',')) {
  results[name] = await test(name, Number(values.kills));
  console.log(`${name}: ${JSON.stringify(results[name])}`);
}
console.log(JSON.stringify({ results, seed: Number(values.seed) }));
