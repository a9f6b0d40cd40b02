/** The process that makes the calls. fuzz.mjs starts it, watches its time and memory, and starts another if it must end. */
import { openSync, writeSync } from 'node:fs';
import { chdir } from 'node:process';
import { at, createRandom, hasMethods, isPlain, mutated, pathsOf, replaced } from './mutate.mjs';
import { importEntries, subjectsOf, uncovered } from './subjects.mjs';
import { Thrown } from './values.mjs';
import { closeWorld, createWorld } from './world.mjs';

/** Calls with one set of fixtures. */
const CALLS_PER_WORLD = 200;
/** A call that takes longer than this is a finding, in milliseconds of processor time and of waiting. */
const [SLOW, ENDLESS] = [2500, 60_000];

const settings = JSON.parse(process.argv[2]);
const status = openSync(settings.status, 'w');
const entries = await importEntries();
const { UnspoolError } = entries.main;
const only = settings.only && new RegExp(settings.only);
const subjects = subjectsOf(entries).filter(({ name }) => !only || only.test(name));
let world = await createWorld(entries);
chdir(world.folder);

let current = null;
/** How the last call ended: an error, or null. */
let ended = null;
const late = [];
process.on('disconnect', () => process.exit()); // fuzz.mjs was killed
process.on('unhandledRejection', (error) => late.push({ error, of: current }));
process.on('uncaughtException', (error) => late.push({ error, of: current }));

const send = (message) => process.send?.(message) ?? console.log(JSON.stringify(message));
const note = (index, name, what) => writeSync(status, `${index}\n${name}: ${what}`.slice(0, 500).padEnd(600), 0);
const pause = () => new Promise((resolve) => setImmediate(resolve));

function report(kind, subject, what, error) {
  const stack = String(error?.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !/test\/exports/.test(line));
  const place = stack.slice(0, 3).map((line) => line.trim().replace(/\(?file:\/\/\/?\S*\/dist\//, '(dist/'));
  send({
    kind,
    index: current.index,
    name: subject.name,
    what,
    message: `${error?.name ?? 'value'}: ${messageOf(error)}`,
    place,
  });
}

const messageOf = (error) => {
  try {
    return String(error?.message ?? error).slice(0, 200);
  } catch {
    return 'no message';
  }
};

/** Errors that a call may end with: those of the package, and those that the caller threw. */
const isFine = (error) => error instanceof UnspoolError || error instanceof Thrown || isInferError(error);

/** `unspool/infer` does not load the class. */
const isInferError = (error) => error?.name === 'UnspoolError' && typeof error.code === 'string';

const requireFine = (error) => {
  if (!isFine(error)) throw error;
};

/** What a caller would do with a result: wait for it, or iterate it. */
async function consume(result) {
  const value = await result;
  const iterate =
    value?.[Symbol.asyncIterator] ?? (typeof value?.next === 'function' ? value[Symbol.iterator] : undefined);
  if (!iterate) return value;
  const iterator = iterate.call(value);
  for (let i = 0; i < 5; i++) if ((await iterator.next()).done) break;
  await iterator.return?.();
  return value;
}

const within = (promise, ms) => {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`has not ended after ${ms} ms`)), ms);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
};

async function perform(subject, target, args) {
  const value = await consume(subject.call(args, target));
  if (subject.after && value !== undefined) await consume(subject.after(value, world));
  return value;
}

/** The object and the arguments. An earlier call may have disposed of a fixture: then all are made again. */
async function prepared(subject, change) {
  const prepare = async () => ({ target: await subject.make?.(world), ...change(await subject.args(world)) });
  try {
    return await prepare();
  } catch {
    world = await renewed();
    return prepare();
  }
}

/** Another method of the object, which is called with valid arguments first; null: none. */
const earlier = (subject, random) => (subject.siblings && random.below(4) === 0 ? random.pick(subject.siblings) : null);

/** Makes one call. Returns whether it was accepted. */
async function attempt(index, subject, change, first = null) {
  current = { index, subject, what: '' };
  note(index, subject.name, 'preparing');
  const { target, args, what: changed } = await prepared(subject, change);
  const what = first ? `${changed}, after ${first.name}()` : changed;
  current.what = what;
  note(index, subject.name, what);
  const before = process.cpuUsage();
  let accepted = false;
  ended = null;
  try {
    if (first) await within(perform(first, target, await first.args(world)), ENDLESS).catch(requireFine);
    await within(perform(subject, target, args), ENDLESS);
    accepted = true;
  } catch (error) {
    ended = error;
    if (!isFine(error)) report(/has not ended/.test(error?.message) ? 'endless' : 'raw', subject, what, error);
    if (error?.code === 'WORKER_LOST') world.forgetWorker();
  }
  try {
    await subject.finish?.(target);
  } catch (error) {
    if (!isFine(error)) report('raw', subject, `${what}, then it is disposed of`, error);
  }
  await pause();
  const { user, system } = process.cpuUsage(before);
  if ((user + system) / 1000 > SLOW && !subject.slow)
    report('slow', subject, what, new Error(`takes ${Math.round((user + system) / 1000)} ms`));
  for (const { error, of } of late.splice(0))
    if (!isFine(error)) report('late', of?.subject ?? subject, of?.what ?? what, error);
  return accepted;
}

async function renewed() {
  world.dispose();
  globalThis.gc?.();
  return createWorld(entries);
}

const placeOf = ([first, ...rest]) => `[${first}]${rest.map((key) => `.${key}`).join('')}`;

/** Whether the value at `path` implements an interface, and so may have more than the interface. */
const isImplementation = (args, path, { settings = [] }) =>
  hasMethods(at(args, path)) && !settings.includes(placeOf(path));

/** Every plain object of the arguments of a valid call, with one more key: a misspelled setting must not be ignored. */
async function unknownKeys() {
  let index = -1;
  for (const subject of subjects) {
    if (subject.open === true || subject.slow) continue;
    const args = await subject.args(world);
    for (const path of pathsOf(args, subject.opaque)) {
      const object = path.reduce((now, key) => now[key], args);
      if (path.length === 0) continue;
      const place = placeOf(path);
      if (!isPlain(object) || (subject.open || []).some((open) => `${place}.`.startsWith(`${open}.`))) continue;
      if (path.some((_, i) => isImplementation(args, path.slice(0, i + 1), subject))) continue;
      const accepted = await attempt(index--, subject, () => ({
        args: replaced(args, path, { ...object, misspelled: 1 }),
        what: `${place}.misspelled = 1`,
      }));
      if (accepted)
        send({
          kind: 'ignored',
          index,
          name: subject.name,
          what: `${place}.misspelled = 1`,
          message: 'an unknown key is accepted',
          place: [],
        });
    }
  }
}

async function main() {
  send({ kind: 'functions', count: subjects.length });
  if (settings.first === 0) {
    for (const name of await uncovered(entries, world))
      send({ kind: 'uncovered', index: 0, name, what: '', message: 'has no row in test/exports/subjects', place: [] });
    for (const subject of subjects) {
      const fine = await attempt(0, subject, (args) => ({ args, what: 'valid arguments' }));
      if (!fine && !subject.fails)
        send({
          kind: 'invalid',
          index: 0,
          name: subject.name,
          what: 'valid arguments',
          message: `a valid call is rejected: ${messageOf(ended)}`,
          place: [],
        });
    }
    await unknownKeys();
  }
  const end = Date.now() + settings.seconds * 1000;
  let index = settings.first;
  for (; Date.now() < end && index < settings.last; index++) {
    if (index % CALLS_PER_WORLD === 0) world = await renewed();
    const random = createRandom(Math.imul(settings.seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    const subject = subjects[index % subjects.length];
    if (subject.slow && random.below(settings.slow) > 0) continue;
    await attempt(
      index,
      subject,
      (args) => mutated(args, random, world.pool(), subject.opaque),
      earlier(subject, random),
    );
  }
  send({ kind: 'done', index });
  await closeWorld();
}

await main().catch((error) => {
  send({ kind: 'harness', index: 0, name: 'the test itself', what: '', message: String(error?.stack), place: [] });
});
process.exit(0);
