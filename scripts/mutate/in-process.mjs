/**
 * Tries changes in one process: all are compiled into the sources, one at a time is switched on, and only the tests run that execute it.
 * That takes a fraction of a second for most changes, where jest needs several to start. Test files that need more of jest than
 * runner.mjs has, and those that run dist/, are left to jest.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { instrument } from './instrument.mjs';
import { read, SCRATCH } from './scratch.mjs';

const BUNDLES = join(SCRATCH, 'coverage/bundles');
/** A process that has grown to so many bytes is replaced. */
const MEMORY = 2 ** 31;
/** Milliseconds that a run may wait, and more for each second of processor time that it may use: the machine may be busy. */
const WAIT_MS = 30_000;
const WAIT_MS_PER_SECOND = 10_000;

/** The packages that tests import by name, as jest.config.mjs has them. */
const OWN = { unspool: 'index', 'unspool/lab': 'lab/index', 'unspool/inspect': 'inspect/index' };

export class InProcess {
  /** Sources with changes compiled in, by file. */
  sources = new Map();
  /** The ids of the changes that can be switched on. */
  ids = new Set();
  child = null;

  constructor(changes) {
    mkdirSync(BUNDLES, { recursive: true });
    const switchable = changes.filter(({ file }) => !file.includes('/assembly/'));
    for (const file of new Set(switchable.map((change) => change.file))) {
      const { code, ids } = instrument(
        read(file),
        switchable.filter((change) => change.file === file),
      );
      this.sources.set(file, code);
      for (const id of ids) this.ids.add(id);
    }
  }

  has({ id }) {
    return this.ids.has(id);
  }

  /** What a test file executes; null if it is left to jest. */
  async measure(test) {
    if (test.usesBuilt) return null;
    try {
      await this.bundle(test);
    } catch {
      return null;
    }
    const result = await this.ask({ kind: 'measure', ...this.placeOf(test), seconds: 600 });
    if (!result.passed) this.end(); // what it left behind must not disturb others
    return result.passed ? result : null;
  }

  placeOf({ file }) {
    return { file: join(SCRATCH, file), bundle: join(BUNDLES, `${file.replaceAll('/', '.')}.cjs`) };
  }

  /** The tests of a measured file that execute a change, and their processor time; null if none does. */
  testsFor({ measured }, { id }) {
    const { tests, always, setup } = measured;
    const chosen = always.includes(id) ? tests : tests.filter(({ ids }) => ids.includes(id));
    if (chosen.length === 0) return null;
    return { only: chosen.map(({ number }) => number), seconds: chosen.reduce((sum, t) => sum + t.seconds, setup) };
  }

  /** Whether tests of a file notice a change. A failure counts if the same tests pass without the change. */
  async notices(test, { id }, { only, seconds }) {
    const run = (which) => this.ask({ kind: 'try', ...this.placeOf(test), id: which, only, seconds: 10 + 4 * seconds });
    let result = await run(id);
    if (result.passed) return false;
    if (result.hasEnded) return true; // by the limit of time, or a crash
    const isClean = !result.isLate && (await run(-1)).passed;
    if (isClean) return true;
    this.end(); // an earlier change has left something behind
    result = await run(id);
    if (!result.passed && !result.hasEnded) this.end();
    return !result.passed;
  }

  async bundle({ file }) {
    const plugin = {
      name: 'changes',
      setup: (build) => {
        build.onResolve({ filter: /^unspool(\/(lab|inspect))?$/ }, ({ path }) => ({
          path: join(SCRATCH, 'src', `${OWN[path]}.ts`),
        }));
        build.onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => ({ contents: this.sourceOf(path), loader: 'ts' }));
      },
    };
    await esbuild.build({
      entryPoints: [join(SCRATCH, file)],
      outfile: this.placeOf({ file }).bundle,
      ...{ bundle: true, platform: 'node', format: 'cjs', target: 'es2022', packages: 'external', charset: 'utf8' },
      plugins: [plugin],
      logLevel: 'silent',
      tsconfigRaw: '{}',
    });
  }

  sourceOf(path) {
    const file = path.slice(SCRATCH.length + 1);
    const code = this.sources.get(file) ?? read(file);
    const folder = JSON.stringify(join(path, '..'));
    return code
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
      .replaceAll('import.meta.dirname', folder)
      .replaceAll(/\b__dirname\b/g, folder)
      .replaceAll(/\b__filename\b/g, JSON.stringify(path));
  }

  /** The answer of the process to a message; `hasEnded` if it ended instead. */
  async ask(message) {
    if (this.child === null) {
      this.child = fork(join(import.meta.dirname, 'child.mjs'), {
        ...{ cwd: SCRATCH, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
        execArgv: ['--expose-gc', '--max-old-space-size=3000'],
      });
    }
    const { child } = this;
    const stop = new AbortController();
    const timer = setTimeout(() => child.kill('SIGKILL'), WAIT_MS + WAIT_MS_PER_SECOND * message.seconds);
    child.send(message);
    const { signal } = stop;
    const answer = await Promise.race([
      once(child, 'message', { signal }).then(([value]) => value),
      once(child, 'exit', { signal }).then(() => ({ passed: false, hasEnded: true })),
    ]);
    clearTimeout(timer);
    stop.abort();
    if (answer.hasEnded) this.child = null;
    else if (answer.memory > MEMORY) this.end();
    return answer;
  }

  end() {
    this.child?.kill('SIGKILL');
    this.child = null;
  }
}
