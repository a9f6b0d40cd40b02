/**
 * Which test files execute a line, and what they cost. Each test file runs once with coverage, when it is first needed; the
 * record is kept in node_modules/.cache until the test changes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import v8ToIstanbul from 'v8-to-istanbul';
import { findMachine } from '../../test/support/find-machine.mjs';
import { filesBelow, hashOf, ROOT, read, SCRATCH } from './scratch.mjs';

const CACHE = join(ROOT, 'node_modules/.cache/unspool-mutate');
const OUTPUT = join(SCRATCH, 'coverage');
/** Tests of the repository rather than of the code: they build packages, install them, or read the sources as text. */
const OTHER = /^test\/(architecture|additions|bench|browser|examples|package|runtimes|studio)\//;
const OPTIONS = [
  ...['--runInBand', '--bail', '--ci', '--silent'],
  ...['--testSequencer', './scripts/mutate/order.cjs', '--testEnvironment', './scripts/mutate/environment.cjs'],
  ...['--reporters', './scripts/mutate/first-failure.cjs'],
];

/** A test that waits for what never comes fails after jest's own limit of five minutes. */
const WAIT_MS = 600_000;

/**
 * Runs jest on the files in this order, up to the first failure. Returns what failed, or null, and the processor time.
 * `seconds` limits the processor time, which other load on the machine does not change.
 */
export async function runJest(files, seconds, args = [], env = {}) {
  const [failure, time] = [join(OUTPUT, 'failure'), join(OUTPUT, 'time')];
  for (const file of [failure, time]) rmSync(file, { force: true });
  const child = spawn(
    process.execPath,
    ['node_modules/jest/bin/jest.js', ...OPTIONS, ...args, '--runTestsByPath', ...files],
    {
      cwd: SCRATCH,
      stdio: 'ignore',
      detached: true,
      env: {
        ...process.env,
        ...env,
        UNSPOOL_MUTATE_ORDER: files.join(' '),
        UNSPOOL_MUTATE_FAILURE: failure,
        UNSPOOL_MUTATE_TIME: time,
        UNSPOOL_MUTATE_SECONDS: String(seconds),
      },
    },
  );
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL'); // with the processes that tests have started
    } catch {} // all have ended
  };
  const timer = setTimeout(end, WAIT_MS);
  const [code, signal] = await once(child, 'exit');
  clearTimeout(timer);
  end();
  const file = existsSync(failure) ? relative(SCRATCH, readFileSync(failure, 'utf8')) : null;
  const failed = signal === 'SIGKILL' ? 'the time limit' : (file ?? (code === 0 ? null : 'a crash'));
  return { failed, seconds: existsSync(time) ? Number(readFileSync(time, 'utf8')) : seconds };
}

const IMPORT = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;
const TYPES = /^import type [^;]*;/gm;
const importsOf = new Map();

/** The files that a file imports, directly or not. */
function reach(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!importsOf.has(file)) {
    const paths = [...read(file).replace(TYPES, '').matchAll(IMPORT)].map(([, path]) => join(dirname(file), path));
    const found = paths.map((path) => path.replace(/\.js$/, '.ts')).flatMap((path) => [path, `${path}.ts`]);
    importsOf.set(
      file,
      found.filter((path) => path.endsWith('.ts') && existsSync(join(SCRATCH, path))),
    );
  }
  for (const next of importsOf.get(file)) reach(next, seen);
  return seen;
}

/** {file: lines with code that ran} of a coverage map of istanbul. */
function linesOf(coverage) {
  return Object.entries(coverage).map(([path, { statementMap, s }]) => {
    const lines = Object.keys(s).flatMap((id) => (s[id] > 0 ? [statementMap[id].start.line] : []));
    return [relative(SCRATCH, path), [...new Set(lines)]];
  });
}

/** What the processes and workers that a test started ran of dist/, by the source map of the bundle. */
async function linesOfBuilt(folder) {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const reports = files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  const dist = join(SCRATCH, 'dist/');
  const isBuilt = ({ url }) => url.startsWith('file://') && fileURLToPath(url).startsWith(dist);
  const { result } = mergeProcessCovs(reports.map(({ result }) => ({ result: result.filter(isBuilt) })));
  const lines = [];
  for (const { url, functions } of result) {
    const converter = v8ToIstanbul(fileURLToPath(url));
    await converter.load();
    converter.applyCoverage(functions);
    lines.push(...linesOf(converter.toIstanbul()));
  }
  return lines;
}

export class Tests {
  constructor() {
    findMachine();
    mkdirSync(CACHE, { recursive: true });
    mkdirSync(OUTPUT, { recursive: true });
    const files = filesBelow('test', SCRATCH).filter((file) => file.endsWith('.test.ts') && !OTHER.test(file));
    this.all = files.map((file) => {
      const reached = reach(file);
      const usesBuilt = [...reached].some((path) => path.startsWith('test/') && /['/]dist\//.test(read(path)));
      return { file, reached, usesBuilt, area: file.split('/')[1] };
    });
    for (const test of this.all) test.record = this.known(test);
  }

  place({ file, reached }) {
    const sources = [...reached].filter((path) => path.startsWith('test/')).sort();
    return join(CACHE, `${hashOf(sources.map((path) => path + read(path)).join())}-${file.replaceAll('/', '.')}.json`);
  }

  known(test) {
    const place = this.place(test);
    return existsSync(place) ? JSON.parse(readFileSync(place, 'utf8')) : null;
  }

  /** Runs a test file on the unchanged sources and keeps what it covers. */
  async measure(test) {
    const folder = join(OUTPUT, 'v8');
    rmSync(folder, { recursive: true, force: true });
    const args = ['--coverage', '--coverageProvider=v8', '--coverageReporters=json', '--coverageDirectory', OUTPUT];
    const env = test.usesBuilt ? { NODE_V8_COVERAGE: folder } : {};
    const begin = performance.now();
    const { failed, seconds: own } = await runJest([test.file], 900, args, env);
    // The time of other processes is not part of the processor time.
    const seconds = test.usesBuilt ? (performance.now() - begin) / 1000 : own;
    const passed = failed === null;
    const inProcess = passed ? linesOf(JSON.parse(read('coverage/coverage-final.json'))) : [];
    const all = [...inProcess, ...(test.usesBuilt ? await linesOfBuilt(folder) : [])].filter(([file]) =>
      file.startsWith('src/'),
    );
    const covered = {};
    for (const [file, lines] of all) {
      const known = covered[file]?.lines ?? [];
      covered[file] = { hash: hashOf(read(file)), lines: [...new Set([...known, ...lines])] };
    }
    test.record = { passed, seconds, covered };
    if (!passed) console.log(`left out: ${test.file} fails on the unchanged sources (${failed})`);
    else writeFileSync(this.place(test), JSON.stringify(test.record));
    return test.record;
  }

  /** Whether the test, which was measured, executes the line. A file that changed since counts as a whole. */
  covers({ record }, { file, line }) {
    const [folder, isAssembly] = file.split('assembly/'); // no coverage: what runs the code next to it counts
    if (isAssembly) return Object.keys(record.covered).some((path) => path.startsWith(folder));
    const covered = record.passed && record.covered[file];
    return Boolean(covered) && (covered.hash !== hashOf(read(file)) || covered.lines.includes(line));
  }

  /** The tests that may execute the file, cheap ones and those of the same area first. */
  candidates(file) {
    const parts = file.split('/');
    const weight = (test) => (test.record?.seconds ?? 10) * (parts.includes(test.area) ? 1 : 4);
    const isRelated = ({ reached, usesBuilt, area }) =>
      reached.has(file) || (usesBuilt && parts.includes(area)) || file.includes('/assembly/');
    return this.all.filter(isRelated).sort((a, b) => weight(a) - weight(b));
  }
}
