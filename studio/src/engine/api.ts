/** What the page asks of the engine's worker, and what comes back: plain data, so that it can be posted. */
import type { ModelSpec } from 'unspool';
import type { LagFlow, Trace } from 'unspool/inspect';
import type { Settings } from '../settings.js';
import type { Own } from './tasks.js';

export interface ParameterFact {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What was set up. */
export interface Facts {
  readonly about: string;
  readonly spec: ModelSpec;
  /** Such as `wasm, simd`. */
  readonly backend: string;
  readonly parameters: readonly ParameterFact[];
  readonly count: number;
  readonly sequences: number;
  readonly outputNames: readonly string[];
  /** `bits` a character for texts, else the loss itself. */
  readonly unit: 'bits' | 'loss';
  readonly readsText: boolean;
  readonly batchesPerEpoch: number;
}

/** Text that it writes; or, of a task of one number, what was wanted and what it said, step by step. */
export interface Sample {
  readonly text: string;
  readonly forecast: readonly { readonly step: number; readonly wanted: number; readonly said: number }[];
}

export interface Progress {
  /** Updates since the last progress: [update, loss, gradient norm]. */
  readonly updates: readonly (readonly [step: number, loss: number, gradientNorm: number])[];
  /** Held-out losses since then. */
  readonly validation: readonly (readonly [step: number, loss: number])[];
  readonly epoch: number;
  readonly step: number;
  readonly updatesPerSecond: number;
  /** What the model writes, or says to a held-out sequence; null where there is nothing new. */
  readonly sample: Sample | null;
  readonly state: 'playing' | 'paused' | 'failed';
  /** What went wrong, and what to do. */
  readonly problem: string | null;
}

/** A sequence, a whole pass over it, and the words for its steps. */
export interface Look {
  readonly index: number;
  readonly trace: Trace;
  /** The loss with nothing changed; null where nothing is. */
  readonly lossBefore: number | null;
  /** Names of the tokens that can be read; null where values are. */
  readonly alphabet: readonly string[] | null;
  readonly read: readonly string[];
  readonly wanted: readonly string[];
}

export interface Difference {
  readonly value: number;
  readonly step: number;
  readonly lossAbove: number;
  readonly lossBelow: number;
  /** (lossAbove - lossBelow) / (2 step), and the exact gradient, both in float64. */
  readonly difference: number;
  readonly gradient: number;
}

export interface Estimated {
  readonly name: string;
  readonly cosine: number;
  readonly normRatio: number;
  readonly variance: number;
  readonly floats: number;
  readonly macs: number;
  /** Why it is not for this model; null where it is. */
  readonly problem: string | null;
}

/** A weight by its parameter's name and place. */
export interface Place {
  readonly name: string;
  readonly row: number;
  readonly col: number;
}

/** A gate of a unit, held at a value at all steps. */
export interface Clamp {
  readonly layer: number;
  readonly gate: 'i' | 'f' | 'g' | 'o';
  readonly unit: number;
  readonly value: number;
}

/** What a person changed about a sequence and the pass over it. */
export interface Changes {
  /** Another token, or other values, at a step. */
  readonly inputs: readonly { readonly t: number; readonly values: readonly number[] }[];
  readonly clamps: readonly Clamp[];
}

export interface Sweep {
  readonly rate: number;
  readonly losses: readonly (readonly [step: number, loss: number])[];
  readonly validation: number | null;
}

export interface Engine {
  /** Makes data and model anew. Rejects with words where that cannot be. */
  setUp(settings: Settings, own: Own): Promise<Facts>;
  /** Updates until `pause`, in a rhythm of so many a second, or as fast as it goes for infinity. */
  play(tell: (progress: Progress) => void, perSecond: number): Promise<void>;
  /** Another rhythm for what runs. */
  pace(perSecond: number): Promise<void>;
  pause(): Promise<void>;
  /** One update, or those up to the end of the epoch. */
  advance(by: 'update' | 'epoch', tell: (progress: Progress) => void): Promise<void>;
  look(index: number, changes: Changes): Promise<Look>;
  /** How the loss of step t alone reaches back: which inputs move this prediction, and by which way. */
  reach(index: number, t: number): Promise<LagFlow>;
  setWeight(place: Place, value: number): Promise<void>;
  difference(index: number, place: Place): Promise<Difference>;
  estimate(index: number, names: readonly string[]): Promise<readonly Estimated[]>;
  /** Short trainings of the model that is set up, anew with each of these rates: [update, loss], thinned. */
  sweep(rates: readonly number[], updates: number): Promise<readonly Sweep[]>;
  /** Milliseconds a step, fed one by one with the state carried. */
  streamed(steps: number): Promise<number>;
  /** The bytes of a model file that `unspool sample`, `eval` and `inspect` read. */
  save(): Promise<Uint8Array>;
  /** Puts the weights of a model file into a model of its own kind, with this text or table. */
  open(bytes: Uint8Array, name: string, settings: Settings, own: Own): Promise<Facts>;
  /** Answers at once: the worker is alive. */
  ping(): Promise<true>;
}
