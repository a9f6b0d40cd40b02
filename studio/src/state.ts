/** Everything that the page shows, as signals; and what can be done, as functions. Views read the one and call the other. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { Changes, Estimated, Facts, Look, Place, Progress, Sample } from './engine/api.js';
import { Client, EngineGone } from './engine/client.js';
import type { Own } from './engine/tasks.js';
import { fromQuery, type Settings, settingsOf, toQuery } from './settings.js';

export const TABS = ['train', 'unroll', 'look', 'tour'] as const;
export type Tab = (typeof TABS)[number];
const tabOf = (hash: string): Tab => TABS.find((tab) => hash.slice(1).split('/')[0] === tab) ?? 'train';

type Point = readonly [step: number, value: number];

const begun = fromQuery(location.search);

export const tab = signal<Tab>(tabOf(location.hash));
export const settings = signal<Settings>(begun.settings);
export const own = signal<Own>(null);
export const facts = signal<Facts | null>(null);
/** What went wrong, in words; a way on stands beside it. */
export const problem = signal<string | null>(
  begun.problems.length > 0 ? `From the link: ${begun.problems.join('; ')}.` : null,
);
export const engineIsGone = signal(false);
export const busy = signal(false);
export const playing = signal(false);
/** Updates a second; infinity for as many as there can be. */
export const speed = signal(Number.POSITIVE_INFINITY);

export const losses = signal<readonly Point[]>([]);
export const validation = signal<readonly Point[]>([]);
export const gradientNorms = signal<readonly Point[]>([]);
export const step = signal(0);
export const epoch = signal(1);
export const updatesPerSecond = signal(0);
export const sample = signal<Sample | null>(null);

/** The pass that Unroll and Look show. */
export const look = signal<Look | null>(null);
export const sequenceIndex = signal(0);
/** What is changed by hand about it. */
export const changes = signal<Changes>({ inputs: [], clamps: [] });
/** Where one looks: an LSTM, a time step, a unit. */
export const layer = signal(0);
export const time = signal(0);
export const unit = signal(0);

export const shownLayer = computed(() => look.value?.trace.layers[layer.value] ?? null);

const client = new Client((reason) => void attempt(() => Promise.reject(new EngineGone(reason))));

/** Runs an action; what goes wrong becomes words on the page. */
async function attempt<T>(act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    batch(() => {
      problem.value = words;
      if (error instanceof EngineGone) {
        engineIsGone.value = true;
        playing.value = false;
        busy.value = false;
      }
    });
    return null;
  }
}

function forget(): void {
  batch(() => {
    losses.value = [];
    validation.value = [];
    gradientNorms.value = [];
    step.value = 0;
    epoch.value = 1;
    sample.value = null;
    updatesPerSecond.value = 0;
    sequenceIndex.value = 0;
    changes.value = { inputs: [], clamps: [] };
    layer.value = 0;
    time.value = 0;
    unit.value = 0;
  });
}

async function begin(make: () => Promise<Facts>): Promise<boolean> {
  setUps++;
  busy.value = true;
  const made = await attempt(make);
  busy.value = false;
  if (!made) return false;
  forget();
  facts.value = made;
  await refresh();
  return true;
}

/** Makes data and model anew from the settings. */
export async function setUp(wanted: Settings = settings.value, data: Own = own.value): Promise<boolean> {
  batch(() => {
    settings.value = wanted;
    own.value = data;
    problem.value = null;
    playing.value = false;
  });
  history.replaceState(null, '', `${toQuery(wanted)}${location.hash}`);
  return begin(() => client.ask((engine) => engine.setUp(wanted, data)));
}

/** The page begins: with what its link says. What that says wrongly stays told. */
export async function start(): Promise<void> {
  const told = problem.value;
  await setUp();
  problem.value ??= told;
}

/** A preset with its own settings. */
export const choose = (preset: Settings['preset']): Promise<boolean> => setUp(settingsOf(preset));

/** Text or a table of one's own. */
export function useOwn(data: NonNullable<Own>): Promise<boolean> {
  return setUp(settings.value.preset === 'own' ? settings.value : settingsOf('own'), data);
}

/** The last `most` points, thinned evenly beyond that. */
function grown(points: readonly Point[], more: readonly Point[], most = 1500): readonly Point[] {
  const all = [...points, ...more];
  return all.length <= most ? all : all.filter((_, i) => i % 2 === 0 || i === all.length - 1);
}

let refreshed = 0;

/** Counts what was set up: what an older one still tells is not about this one. */
let setUps = 0;

function told(progress: Progress, from: number): void {
  if (from !== setUps) return;
  batch(() => {
    losses.value = grown(
      losses.value,
      progress.updates.map(([at, loss]) => [at, loss] as const),
    );
    gradientNorms.value = grown(
      gradientNorms.value,
      progress.updates.map(([at, , norm]) => [at, norm] as const),
    );
    validation.value = grown(validation.value, progress.validation);
    step.value = progress.step;
    epoch.value = progress.epoch;
    if (progress.updates.length > 0) updatesPerSecond.value = progress.updatesPerSecond;
    if (progress.sample !== null) sample.value = progress.sample;
    if (progress.problem) problem.value = `${progress.problem} Reset, or set up another model: a lower rate, say.`;
  });
  // What Unroll and Look show follows the training, but not so often that it holds it up.
  if (tab.value !== 'train' && progress.state === 'playing' && performance.now() - refreshed > 700) void refresh();
}

async function following(act: Parameters<Client['follow']>[0]): Promise<void> {
  if (playing.value || !facts.value) return;
  problem.value = null;
  playing.value = true;
  const from = setUps;
  await attempt(() => client.follow(act, (progress) => told(progress, from)));
  if (from !== setUps) return;
  playing.value = false;
  if (!engineIsGone.value) await refresh();
}

export const play = (): Promise<void> => following((engine, tell) => engine.play(tell, speed.value));
export const advance = (by: 'update' | 'epoch'): Promise<void> => following((engine, tell) => engine.advance(by, tell));
export const pause = () => attempt(() => client.ask((engine) => engine.pause()));
/** For what runs, and what will. */
export function setSpeed(perSecond: number): void {
  speed.value = perSecond;
  if (playing.value) void attempt(() => client.ask((engine) => engine.pace(perSecond)));
}

export const reset = (): Promise<boolean> => setUp();

/** A new worker, after the old one is gone; the weights are lost with it. */
export async function restart(): Promise<void> {
  client.restart();
  batch(() => {
    engineIsGone.value = false;
    facts.value = null; // nothing can be trained until there is something again
  });
  await setUp();
}

/** Another pass over the chosen sequence, with the weights of now. Says whether there is one. */
export async function refresh(): Promise<boolean> {
  refreshed = performance.now();
  const index = sequenceIndex.value;
  const found = await attempt(() => client.ask((engine) => engine.look(index, changes.value)));
  if (!found || index !== sequenceIndex.value) return found !== null;
  batch(() => {
    look.value = found;
    layer.value = Math.min(layer.value, found.trace.layers.length - 1);
    time.value = Math.min(time.value, found.trace.steps - 1);
    unit.value = Math.min(unit.value, found.trace.layers[layer.value]!.hiddenSize - 1);
  });
  return true;
}

/** Another change by hand, or none. One that cannot be is told, and taken back. */
export async function change(to: Partial<Changes>): Promise<void> {
  const before = changes.value;
  changes.value = { ...before, ...to };
  if (!(await refresh())) changes.value = before;
}

export async function showSequence(index: number): Promise<void> {
  sequenceIndex.value = index;
  changes.value = { ...changes.value, inputs: [] };
  await refresh();
}

export const reach = (t: number) => attempt(() => client.ask((engine) => engine.reach(sequenceIndex.value, t)));
export const difference = (place: Place) =>
  attempt(() => client.ask((engine) => engine.difference(sequenceIndex.value, place)));
export const estimate = (names: readonly string[]): Promise<readonly Estimated[] | null> =>
  attempt(() => client.ask((engine) => engine.estimate(sequenceIndex.value, names)));

export async function setWeight(place: Place, value: number): Promise<void> {
  if ((await attempt(() => client.ask((engine) => engine.setWeight(place, value)))) !== null) await refresh();
}

export const sweep = (rates: readonly number[], updates: number) =>
  attempt(() => client.ask((engine) => engine.sweep(rates, updates)));
export const streamed = (steps: number) => attempt(() => client.ask((engine) => engine.streamed(steps)));

export const save = (): Promise<Uint8Array | null> => attempt(() => client.ask((engine) => engine.save()));

/** A model file of the command line, or one that was saved here. */
export async function open(bytes: Uint8Array, name: string): Promise<boolean> {
  playing.value = false;
  problem.value = null;
  return begin(() => client.ask((engine) => engine.open(bytes, name, settings.value, own.value)));
}

window.addEventListener('hashchange', () => {
  tab.value = tabOf(location.hash);
});

// Unroll and Look show the weights of now when one comes back to them.
effect(() => {
  if (tab.value !== 'train' && facts.peek() && !busy.peek()) void refresh();
});
