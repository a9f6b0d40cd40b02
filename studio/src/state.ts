/** What the page shows, as signals. `actions.ts` changes them; components read them and call the actions. */
import { computed, signal } from '@preact/signals';
import { EMPTY_CURVE, meanPoints } from './curve.js';
import type { Choices, Edits, Sample, SessionInfo, TracedSequence } from './engine/api.js';
import type { UserData } from './engine/tasks/task.js';
import { fromQuery, type Settings } from './settings.js';

export const VIEWS = ['train', 'unroll', 'inspect', 'tour'] as const;
export type View = (typeof VIEWS)[number];
export const viewOf = (hash: string): View => VIEWS.find((name) => hash.slice(1).split('/')[0] === name) ?? 'train';

const link = fromQuery(location.search);

export const view = signal<View>(viewOf(location.hash));
export const settings = signal<Settings>(link.settings);
export const userData = signal<UserData>(null);
/** The library's optimizers and estimators; empty until the worker has started. */
export const choices = signal<Choices>({ optimizers: [], estimators: [] });
/** The task and the model; null until they are set up. */
export const session = signal<SessionInfo | null>(null);
/** The error message that the page shows. */
export const problem = signal<string | null>(
  link.problems.length > 0 ? `The link has invalid settings: ${link.problems.join('; ')}.` : null,
);
export const engineLost = signal(false);
export const busy = signal(false);
export const playing = signal(false);
/** Updates per second; infinity for the maximum. */
export const speed = signal(Number.POSITIVE_INFINITY);

export const lossCurve = signal(EMPTY_CURVE);
export const validationCurve = signal(EMPTY_CURVE);
export const gradientNormCurve = signal(EMPTY_CURVE);
export const losses = computed(() => meanPoints(lossCurve.value));
export const validation = computed(() => meanPoints(validationCurve.value));
export const update = signal(0);
export const epoch = signal(1);
export const updatesPerSecond = signal(0);
export const sample = signal<Sample | null>(null);

/** The sequence that the Unroll and Inspect views show. */
export const traced = signal<TracedSequence | null>(null);
export const sequenceIndex = signal(0);
export const NO_EDITS: Edits = { inputs: [], clamps: [] };
export const edits = signal<Edits>(NO_EDITS);
/** The selected LSTM layer, time step and unit. */
export const layer = signal(0);
export const time = signal(0);
export const unit = signal(0);

export const tracedLayer = computed(() => traced.value?.trace.layers[layer.value] ?? null);
