/** The engine's worker. It computes one thing at a time, off the page's thread. */
import { expose } from 'comlink';
import type { Engine, OnProgress, SessionInfo } from './api.js';
import { choices } from './choices.js';
import { compareEstimators, measureStreaming, sweepLearningRates } from './experiments.js';
import { LESSONS } from './lessons/index.js';
import { createSession, openSession, saveModel } from './model-files.js';
import { ProgressReporter } from './progress.js';
import { sample } from './sampling.js';
import type { Session } from './session.js';
import { traceGradientByLag, traceSequence } from './tracing.js';
import { checkGradient, setWeight } from './weights.js';

/** A run lets messages in after at most this time. */
const YIELD_MS = 12;
/** A run that is too slow for its speed catches up by at most this time. */
const MAX_LAG_MS = 250;

let session: Session | null = null;
/** Identifies the current run; an older run stops when it sees another one. */
let currentRun: symbol | null = null;
let updatesPerSecond = Number.POSITIVE_INFINITY;
/** Ends the pause between two updates. */
let wake = (): void => {};
let lastTask: Promise<unknown> = Promise.resolve();

/** Runs `act` after everything that was enqueued before it. */
function enqueue<T>(act: () => T | Promise<T>): Promise<T> {
  const task = lastTask.then(act, act);
  lastTask = task.catch(() => {});
  return task;
}

function requireSession(): Session {
  if (!session) throw new Error('No model is set up.');
  return session;
}

/** Runs `act` with the session, after everything that was enqueued before it. */
const withSession = <T>(act: (session: Session) => T | Promise<T>): Promise<T> => enqueue(() => act(requireSession()));

/** Waits, and lets messages in. */
const pauseFor = (ms = 0): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
    wake = resolve;
  });

function stop(): void {
  currentRun = null;
  wake();
}

/** The kind of the next event, which is recorded; 'end' after the last. */
async function nextEvent(current: Session, reporter: ProgressReporter): Promise<string> {
  const event = await current.next();
  if (!event || event.kind === 'end') return 'end';
  reporter.record(current, event);
  return event.kind;
}

/** Trains until `isLast` returns true for an event's kind, the run is stopped, or an error ends it. */
async function run(onProgress: OnProgress, speed: number, isLast: (kind: string) => boolean): Promise<void> {
  const current = requireSession();
  const id = Symbol('run');
  currentRun = id;
  updatesPerSecond = speed;
  const reporter = new ProgressReporter(onProgress, (one) => enqueue(() => sample(one)).catch(() => null));
  let dueAt = performance.now();
  let yieldedAt = dueAt;
  try {
    while (currentRun === id && session === current) {
      const kind = await enqueue(() => nextEvent(current, reporter));
      if (kind === 'end' || isLast(kind)) break;
      await reporter.report(current, 'playing');
      if (kind === 'update') dueAt += 1000 / updatesPerSecond;
      const now = performance.now();
      if (Number.isFinite(updatesPerSecond) && dueAt > now) await pauseFor(dueAt - now);
      else if (now - yieldedAt > YIELD_MS) await pauseFor();
      yieldedAt = performance.now();
      dueAt = Math.min(yieldedAt, Math.max(dueAt, yieldedAt - MAX_LAG_MS));
    }
    if (currentRun === id) currentRun = null;
    await reporter.report(session === current ? current : null, 'paused');
  } catch (error) {
    if (currentRun === id) currentRun = null;
    await reporter.report(null, 'failed', error instanceof Error ? error.message : String(error));
  }
}

function replaceSession(make: () => Promise<Session>): Promise<SessionInfo> {
  stop();
  return enqueue(async () => {
    const made = await make();
    session?.dispose();
    session = made;
    return made.info;
  });
}

const engine: Engine = {
  choices: async () => choices(),
  setUp: (settings, data) => replaceSession(() => createSession(settings, data)),
  open: (bytes, name, settings, data) => replaceSession(() => openSession(bytes, name, settings, data)),
  async play(onProgress, speed) {
    if (currentRun) return;
    await run(onProgress, speed, () => false);
  },
  async setSpeed(speed) {
    updatesPerSecond = speed;
    wake();
  },
  async pause() {
    stop();
  },
  async advance(by, onProgress) {
    if (currentRun) return;
    let epochEnded = false; // the validation at the end of an epoch is reported after the epoch's event
    await run(onProgress, Number.POSITIVE_INFINITY, (kind) => {
      if (by === 'update') return kind === 'update';
      epochEnded ||= kind === 'epoch';
      return epochEnded && kind === 'validation';
    });
  },
  trace: (index, edits, lagSteps) => withSession((one) => traceSequence(one, index, edits, lagSteps)),
  gradientByLag: (pass, t) => withSession((one) => traceGradientByLag(one, pass, t)),
  setWeight: (position, value) => withSession((one) => setWeight(one, position, value)),
  checkGradient: (position) => withSession((one) => checkGradient(one, position)),
  compareEstimators: (names) => withSession((one) => compareEstimators(one, names)),
  sweepLearningRates: (rates, updates) => withSession((one) => sweepLearningRates(one, rates, updates)),
  measureStreaming: (steps) => withSession((one) => measureStreaming(one, steps)),
  sample: () => withSession(sample),
  lesson: (name, options) => enqueue(() => (LESSONS[name] as (...all: readonly unknown[]) => unknown)(...options)),
  save: () => withSession(saveModel),
  ping: async () => true,
};

expose(engine);
