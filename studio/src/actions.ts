/** What the user can do. Each action calls the engine and updates the signals of `state.ts`. */
import { batch, effect } from '@preact/signals';
import { EMPTY_CURVE, extended } from './curve.js';
import type { Edits, EstimatorComparison, OnProgress, Progress, SessionInfo, WeightPosition } from './engine/api.js';
import { Client, EngineLost } from './engine/client.js';
import type { LessonName, LessonResult, Lessons } from './engine/lessons/index.js';
import type { UserData } from './engine/tasks/task.js';
import { mostActive } from './position.js';
import { type Settings, settingsOf, toQuery } from './settings.js';
import { settingsFor } from './setup/fit-data.js';
import * as state from './state.js';

/** Milliseconds between two traces of a model in training. */
const TRACE_MS = 700;

const client = new Client((reason) => void attempt(() => Promise.reject(new EngineLost(reason))));

/** Runs an action. An error becomes the page's error message, and the result null. */
async function attempt<T>(act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    batch(() => {
      state.problem.value = error instanceof Error ? error.message : String(error);
      if (error instanceof EngineLost) {
        state.engineLost.value = true;
        state.playing.value = false;
        state.busy.value = false;
      }
    });
    return null;
  }
}

/** Counts the sessions, so that progress of an older one can be ignored. */
let sessions = 0;

function resetTraining(): void {
  batch(() => {
    for (const curve of [state.lossCurve, state.validationCurve, state.gradientNormCurve]) curve.value = EMPTY_CURVE;
    state.update.value = 0;
    state.epoch.value = 1;
    state.sample.value = null;
    state.updatesPerSecond.value = 0;
    state.edits.value = state.NO_EDITS;
    automatic = null;
    for (const position of [state.sequenceIndex, state.layer, state.time, state.unit]) position.value = 0;
  });
}

/** Shows what the model produces before it is trained further. */
async function showSample(): Promise<void> {
  const own = sessions;
  const sample = await attempt(() => client.call((engine) => engine.sample()));
  if (own === sessions && !state.playing.value && state.update.value === 0) state.sample.value = sample;
}

async function replaceSession(make: () => Promise<SessionInfo>): Promise<boolean> {
  sessions++;
  state.busy.value = true;
  const info = await attempt(make);
  state.busy.value = false;
  if (!info) return false;
  resetTraining();
  state.session.value = info;
  await refreshTrace();
  selectMostActive();
  await showSample();
  return true;
}

/** Shows the settings in the form and in the URL. */
function showSettings(settings: Settings): void {
  state.settings.value = settings;
  history.replaceState(null, '', `${toQuery(settings)}${location.hash}`);
}

/** Creates the data and a new model from the settings. */
export async function setUp(
  settings: Settings = state.settings.value,
  data: UserData = state.userData.value,
): Promise<boolean> {
  batch(() => {
    state.userData.value = data;
    state.problem.value = null;
    state.playing.value = false;
  });
  showSettings(settings);
  return replaceSession(() => client.call((engine) => engine.setUp(settings, data)));
}

/** Sets up what the page's link describes. Problems of the link stay visible. */
export async function start(): Promise<void> {
  const problem = state.problem.value;
  void attempt(async () => {
    state.choices.value = await client.call((engine) => engine.choices());
  });
  await setUp();
  state.problem.value ??= problem;
}

export const choosePreset = (preset: Settings['preset']): Promise<boolean> => setUp(settingsOf(preset));

export function useUserData(data: NonNullable<UserData>): Promise<boolean> {
  const { value } = state.settings;
  return setUp(settingsFor(data, value.preset === 'own' ? value : settingsOf('own')), data);
}

let tracedAt = 0;

function showProgress(progress: Progress): void {
  batch(() => {
    const { updates } = progress;
    state.lossCurve.value = extended(
      state.lossCurve.value,
      updates.map(([update, loss]) => [update, loss] as const),
    );
    state.gradientNormCurve.value = extended(
      state.gradientNormCurve.value,
      updates.map(([update, , norm]) => [update, norm] as const),
    );
    state.validationCurve.value = extended(state.validationCurve.value, progress.validation);
    state.update.value = progress.update;
    state.epoch.value = progress.epoch;
    if (updates.length > 0) state.updatesPerSecond.value = progress.updatesPerSecond;
    if (progress.sample !== null) state.sample.value = progress.sample;
    if (progress.problem)
      state.problem.value = `${progress.problem} Reset, or change the settings, for example to a lower learning rate.`;
  });
  // The trace follows the training, but not so often that it slows it down.
  const isDue = performance.now() - tracedAt > TRACE_MS;
  if (state.view.value !== 'train' && progress.state === 'playing' && isDue) void refreshTrace();
}

async function train(act: Parameters<Client['follow']>[0]): Promise<void> {
  if (state.playing.value || !state.session.value) return;
  state.problem.value = null;
  state.playing.value = true;
  const own = sessions;
  const onProgress: OnProgress = async (progress) => {
    if (own !== sessions) return;
    showProgress(progress);
    await new Promise((done) => setTimeout(done)); // after what the page draws now
  };
  await attempt(() => client.follow(act, onProgress));
  if (own !== sessions) return;
  state.playing.value = false;
  if (!state.engineLost.value) await refreshTrace();
}

export const play = (): Promise<void> => train((engine, onProgress) => engine.play(onProgress, state.speed.value));
export const advance = (by: 'update' | 'epoch'): Promise<void> =>
  train((engine, onProgress) => engine.advance(by, onProgress));
export const pause = () => attempt(() => client.call((engine) => engine.pause()));

export function setSpeed(updatesPerSecond: number): void {
  state.speed.value = updatesPerSecond;
  if (state.playing.value) void attempt(() => client.call((engine) => engine.setSpeed(updatesPerSecond)));
}

export const reset = (): Promise<boolean> => setUp();

/** Starts a new worker. The weights of the lost one are lost too. */
export async function restart(): Promise<void> {
  client.restart();
  batch(() => {
    state.engineLost.value = false;
    state.session.value = null;
  });
  await setUp();
}

/** Traces the selected sequence with the current weights. Returns false if that failed. */
export async function refreshTrace(): Promise<boolean> {
  tracedAt = performance.now();
  const index = state.sequenceIndex.value;
  const traced = await attempt(() => client.call((engine) => engine.trace(index, state.edits.value, lagSteps())));
  if (!traced || index !== state.sequenceIndex.value) return traced !== null;
  const { layers, steps } = traced.trace;
  batch(() => {
    state.traced.value = traced;
    state.layer.value = Math.min(state.layer.value, layers.length - 1);
    state.time.value = Math.min(state.time.value, steps - 1);
    state.unit.value = Math.min(state.unit.value, layers[state.layer.value]!.hiddenSize - 1);
  });
  return true;
}

/** The position that was selected automatically; null until a position is. */
let automatic: { readonly layer: number; readonly time: number; readonly unit: number } | null = null;

/** Selects a position where something happens, unless the user has selected one. */
function selectMostActive(): void {
  const shown = state.tracedLayer.value;
  const { layer, time, unit } = state;
  const isChosen =
    automatic !== null &&
    (layer.value !== automatic.layer || time.value !== automatic.time || unit.value !== automatic.unit);
  if (!shown || isChosen) return;
  const to = mostActive(shown);
  automatic = { layer: layer.value, time: to.time, unit: to.unit };
  batch(() => {
    time.value = to.time;
    unit.value = to.unit;
  });
}

/** Changes the edits. Edits that fail are undone. */
export async function setEdits(to: Partial<Edits>): Promise<void> {
  const before = state.edits.value;
  state.edits.value = { ...before, ...to };
  if (!(await refreshTrace())) state.edits.value = before;
}

export async function showSequence(index: number): Promise<void> {
  state.sequenceIndex.value = index;
  state.edits.value = { ...state.edits.value, inputs: [] };
  await refreshTrace();
}

/** Time steps whose gradient by lag is on the page. */
const shownLags = new Set<{ readonly t: number }>();
const lagSteps = (): number[] => [...new Set([...shownLags].map(({ t }) => t))];

/** Computes the gradient of the loss at step `t` by lag, for the shown pass and for each later one. Returns a function that ends it. */
export function showGradientByLag(t: number): () => void {
  const lag = { t };
  shownLags.add(lag);
  const { id, flows } = state.traced.value!;
  if (!flows.some(({ step }) => step === t)) void addFlow(id, t);
  return () => shownLags.delete(lag);
}

async function addFlow(pass: number, t: number): Promise<void> {
  const flow = await attempt(() => client.call((engine) => engine.gradientByLag(pass, t)));
  const traced = state.traced.value;
  if (flow && traced?.id === pass) state.traced.value = { ...traced, flows: [...traced.flows, flow] };
}

export const checkGradient = (position: WeightPosition) =>
  attempt(() => client.call((engine) => engine.checkGradient(position)));
export const compareEstimators = (names: readonly string[]): Promise<EstimatorComparison | null> =>
  attempt(() => client.call((engine) => engine.compareEstimators(names)));

export async function setWeight(position: WeightPosition, value: number): Promise<void> {
  const answer = await attempt(() => client.call((engine) => engine.setWeight(position, value)));
  if (answer !== null) await refreshTrace();
}

export const sweepLearningRates = (learningRates: readonly number[], updates: number) =>
  attempt(() => client.call((engine) => engine.sweepLearningRates(learningRates, updates)));
export const measureStreaming = (steps: number) =>
  attempt(() => client.call((engine) => engine.measureStreaming(steps)));

/** The data of one of the tour's figures. */
export const lesson = <K extends LessonName>(
  name: K,
  options: Parameters<Lessons[K]>,
): Promise<LessonResult<K> | null> =>
  attempt(() => client.call((engine) => engine.lesson(name, options) as Promise<LessonResult<K>>));

export const saveModel = (): Promise<Uint8Array | null> => attempt(() => client.call((engine) => engine.save()));

export async function openModel(bytes: Uint8Array, name: string): Promise<boolean> {
  state.playing.value = false;
  state.problem.value = null;
  const { settings, userData } = state;
  const isOpen = await replaceSession(() =>
    client.call((engine) => engine.open(bytes, name, settings.value, userData.value)),
  );
  if (!isOpen) return false;
  showSettings(state.session.value!.settings);
  return true;
}

window.addEventListener('hashchange', () => {
  state.view.value = state.viewOf(location.hash);
});

// Trace again when the user returns to a view that shows the weights.
effect(() => {
  if (state.view.value !== 'train' && state.session.peek() && !state.busy.peek())
    void refreshTrace().then(selectMostActive);
});
