/**
 * Mutation testing: makes random one-line changes to src, one at a time, and counts those that a test notices.
 *
 *   npm run mutate -- --changes 400 --seed 1
 *   npm run mutate -- --area optim --area lab --changes 40 --minutes 10
 *   npm run mutate -- --only src/optim/adam.ts        every change of a file; --line N for one line
 *   npm run mutate -- --again coverage/mutate.json    the survivors of an earlier run
 *
 * A change runs only the tests that execute it, cheapest first, up to the first failure, as long as they take at most --limit seconds
 * of processor time (90) together. docs/contributing.md says more.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../test/exports/mutate.mjs';
import { areaOf, NAMES } from './mutate/areas.mjs';
import { attempt } from './mutate/attempt.mjs';
import { changesOf } from './mutate/changes.mjs';
import { InProcess } from './mutate/in-process.mjs';
import { filesBelow, prepare, read, SCRATCH } from './mutate/scratch.mjs';
import { Tests } from './mutate/tests.mjs';

const { values: options } = parseArgs({
  options: {
    changes: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    area: { type: 'string', multiple: true },
    only: { type: 'string' },
    line: { type: 'string' },
    limit: { type: 'string', default: '90' },
    minutes: { type: 'string', default: 'Infinity' },
    again: { type: 'string' },
    json: { type: 'string', default: 'coverage/mutate.json' },
  },
});
const [count, seed, limit] = [options.changes, options.seed, options.limit].map(Number);

/** The same number of changes in every area, `count` in all, at most one a line. The areas take turns. */
function sample(files) {
  const random = createRandom(seed);
  const areas = options.area ?? NAMES;
  const wanted = Math.ceil(count / areas.length);
  const byArea = areas.map((area) => {
    const found = files.filter((file) => areaOf(file) === area).flatMap((file) => changesOf(file, read(file)));
    const chosen = new Map();
    for (let tries = 0; chosen.size < wanted && tries < 20 * wanted && found.length > 0; tries++) {
      const change = random.pick(found);
      chosen.set(`${change.file}:${change.line}`, change);
    }
    return [...chosen.values()];
  });
  return Array.from({ length: wanted }, (_, i) => byArea.flatMap((list) => list[i] ?? [])).flat();
}

function choose() {
  if (options.again) return JSON.parse(readFileSync(options.again, 'utf8')).survivors.map(located);
  if (!options.only)
    return sample(
      filesBelow('src', SCRATCH).filter((file) => /\.ts$/.test(file) && !/\/generated\/|\.d\.ts$/.test(file)),
    );
  const found = changesOf(options.only, read(options.only));
  return found.filter(({ line }) => !options.line || line === Number(options.line));
}

/** The change of an earlier run, wherever it is now; null if its code is gone. */
function located({ file, line, operator, was, replacement, before }) {
  let found = [];
  try {
    found = changesOf(file, read(file)).filter(
      (c) => c.operator === operator && c.was === was && c.replacement === replacement,
    );
  } catch {} // the file is gone
  found = found.filter((c) => lineAt(c) === before);
  return found.sort((a, b) => Math.abs(a.line - line) - Math.abs(b.line - line))[0] ?? null;
}

const lineAt = ({ file, line }) => read(file).split('\n')[line - 1].trim();

prepare();
const tests = new Tests();
const results = [];
const short = (text) => text.replace(/\s+/g, ' ').slice(0, 100);
const show = ({ file, line, operator, was, replacement, before }) =>
  `${file}:${line}  ${operator}: ${was === '' ? '' : `${short(was)} -> `}${short(replacement)}   | ${short(before)}`;

/** Tries a change and prints the result. */
async function tried(change) {
  const begin = performance.now();
  const result = {
    ...change,
    before: lineAt(change),
    area: areaOf(change.file),
    ...(await attempt(tests, inProcess, change, limit)),
  };
  result.seconds = (performance.now() - begin) / 1000;
  const verdict = result.noticedBy ? 'noticed ' : 'SURVIVED';
  const missing = result.noticedBy || result.notRun.length === 0 ? '' : `, ${result.notRun.length} tests not run`;
  console.log(
    `${verdict} ${show(result)}   (${result.noticedBy ?? 'no test'}${missing}, ${result.seconds.toFixed(1)} s)`,
  );
  return result;
}

const changes = choose().filter((change) => change !== null);
changes.forEach((change, id) => {
  change.id = id;
});
const inProcess = new InProcess(changes);
for (const change of changes) {
  if (performance.now() > 60_000 * Number(options.minutes)) break;
  results.push(await tried(change));
}
inProcess.end();

/** Changes that do not compile need no test, so they do not count. */
const counted = results.filter(({ noticedBy }) => noticedBy !== 'the compiler');
const survivors = counted.filter(({ noticedBy }) => noticedBy === null);
const percent = (list) => {
  const share = list.filter(({ noticedBy }) => noticedBy).length;
  return `${String(share).padStart(4)} of ${String(list.length).padStart(3)}  ${((100 * share) / list.length).toFixed(1).padStart(5)} %`;
};
console.log('\nSurvivors:');
for (const change of survivors) console.log(`  ${show(change)}`);
console.log(`\nNoticed (seed ${seed}):`);
for (const area of NAMES) {
  const list = counted.filter((change) => change.area === area);
  if (list.length > 0) console.log(`  ${area.padEnd(18)} ${percent(list)}`);
}
console.log(`  ${'all'.padEnd(18)} ${percent(counted)}`);
mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(options.json, JSON.stringify({ seed, survivors, results }, null, 1));
