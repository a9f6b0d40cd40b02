/** A task: the data to learn from, the shape of a model for it, and single sequences to inspect. */
import type { Batch, LayerSpec, LossChoice, TrainingData, Vocabulary } from 'unspool';
import { createRng, type Rng } from 'unspool';
import { type Sequences, stepsToBatch } from 'unspool/lab';

/** One sequence, with a label for the input and the target of each time step. */
export interface Sequence {
  readonly batch: Batch;
  readonly inputLabels: readonly string[];
  /** '' where a time step has no target. */
  readonly targetLabels: readonly string[];
}

export interface Task {
  readonly description: string;
  readonly data: TrainingData;
  readonly loss: LossChoice;
  /** Numbers per time step; absent if the model reads tokens. */
  readonly inputSize?: number;
  /** The layers before the LSTM layers. */
  readonly inputLayers: readonly LayerSpec[];
  readonly outputSize: number;
  /** Names of the output's columns. */
  readonly outputNames: readonly string[];
  readonly vocabulary: Vocabulary | null;
  /** How many validation sequences can be inspected. */
  readonly sequenceCount: number;
  /** A validation sequence, by its index. */
  sequence(index: number): Sequence;
}

/** The user's own text or table; null with the presets. */
export type UserData = { readonly kind: 'text'; readonly name: string; readonly text: string } | UserTable | null;
export interface UserTable {
  readonly kind: 'table';
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly number[])[];
  /** Columns of the file without numbers, which are not used. */
  readonly ignored: readonly string[];
}

/** Fetches a file of the repository's `data` folder. */
export type FetchText = (file: string) => Promise<string>;

/** How many validation sequences can be inspected. */
export const MAX_SEQUENCES = 24;

/** Three significant digits. */
export const round = (value: number): string => String(Number(value.toPrecision(3)));

/** The random numbers of the inspected sequence `index` of a generated task. */
export const sequenceRng = (index: number): Rng => createRng(`sequence/${index}`, 'studio');

/** A generated sequence with labels. */
export function labeled(
  steps: Sequences,
  inputLabel: (input: Sequences[number]['input']) => string,
  targetLabel: (target: number) => string,
): Sequence {
  return {
    batch: stepsToBatch(steps, 1),
    inputLabels: steps.map(({ input }) => inputLabel(input)),
    targetLabels: steps.map(({ target }) => (target ? targetLabel(target[0]!) : '')),
  };
}
