/**
 * A process that runs test files with changes compiled in. A message {kind: 'measure'} runs all tests of a file without a change, and
 * answers with what each of them executes; {kind: 'try'} runs some tests with one change.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { limitProcessorTime } from './limit.cjs';
import { createSuite, restoreMocks, runSuite } from './runner.mjs';

/** The change that is switched on, and what each change has: 1 if its code has run. This function is called in inner loops. */
let active = -1;
const executed = new Uint8Array(1 << 20);
globalThis.__changed = (id) => {
  executed[id] = 1;
  return id === active;
};

/** The changes whose code has run since the last call. */
function takeExecuted() {
  const ids = [];
  for (let id = executed.indexOf(1); id >= 0; id = executed.indexOf(1, id + 1)) ids.push(id);
  executed.fill(0);
  return ids;
}

/** Errors outside of a test. */
let late = null;
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    late ??= error ?? new Error(event);
  });
}
process.exit = (code) => {
  throw new Error(`process.exit(${code})`);
};

const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const limit = limitProcessorTime();

const scripts = new Map();

/** The tests of a bundled test file, from a fresh run of all its modules. */
function load({ bundle, file }) {
  if (!scripts.has(bundle)) {
    const code = `(function (require, module, exports) {${readFileSync(bundle, 'utf8')}\n})`;
    const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    scripts.set(bundle, new vm.Script(code, { filename: bundle, importModuleDynamically }));
  }
  const { suite, globals } = createSuite();
  const own = createRequire(file);
  const require = Object.assign((name) => (name === '@jest/globals' ? globals : own(name)), { resolve: own.resolve });
  const module = { exports: {} };
  scripts.get(bundle).runInThisContext()(require, module, module.exports);
  return suite;
}

/** Runs all tests. What runs while the modules load concerns all of them. */
async function measure(message) {
  const begin = processorTime();
  const always = new Set();
  const keep = () => {
    for (const id of takeExecuted()) always.add(id);
  };
  takeExecuted();
  const suite = load(message);
  const tests = [];
  await runSuite(suite, message.file, {
    async onTest(number, run) {
      keep(); // of hooks
      const from = processorTime();
      await run();
      tests.push({ number, seconds: processorTime() - from, ids: takeExecuted() });
    },
  });
  keep();
  const total = processorTime() - begin;
  return { setup: total - tests.reduce((sum, { seconds }) => sum + seconds, 0), tests, always: [...always] };
}

async function attempt(message) {
  active = message.id;
  await runSuite(load(message), message.file, { only: message.only && new Set(message.only) });
  return {};
}

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

process.on('message', async (message) => {
  const [folder, env] = [process.cwd(), { ...process.env }];
  late = null;
  limit(processorTime() + message.seconds);
  let answer;
  try {
    const result = await (message.kind === 'measure' ? measure : attempt)(message);
    if (late !== null) throw late;
    answer = { passed: true, ...result };
  } catch (error) {
    answer = { passed: false, isLate: late !== null, error: String(error?.message ?? error).slice(0, 300) };
  }
  active = -1;
  limit(Number.POSITIVE_INFINITY);
  restoreMocks();
  process.exitCode = 0;
  if (process.cwd() !== folder) process.chdir(folder);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  process.send({ ...answer, memory: process.memoryUsage.rss() });
});
