/** From settings to what there is to learn: batches, held-out batches, and single sequences to look into, with words for their steps. */
import {
  type Batch,
  createRng,
  type LayerSpec,
  type LossChoice,
  type ModelSpec,
  type TrainingData,
  textStreams,
  type Vocabulary,
} from 'unspool';
import { addingTask, copyTask, copyWidth, countingText, type Sequences, stepsToBatch } from 'unspool/lab';
import type { Settings } from '../settings.js';
import { type Drawing, drawn, oneWindow, type Series, windows } from './sources.js';

/** One sequence, with what its steps are called. */
export interface Sequence {
  readonly batch: Batch;
  /** What is read at each step, and what is to be said there; '' for nothing. */
  readonly read: readonly string[];
  readonly wanted: readonly string[];
}

export interface Task {
  readonly about: string;
  readonly data: TrainingData;
  readonly loss: LossChoice;
  /** What stands before and behind the LSTM layers. */
  readonly inputSize?: number;
  readonly first: readonly LayerSpec[];
  readonly outputs: number;
  /** Names of the output's columns. */
  readonly outputNames: readonly string[];
  readonly vocabulary: Vocabulary | null;
  /** Held-out sequences to look into. */
  readonly sequences: number;
  sequence(index: number): Sequence;
}

/** A text or a table of one's own; null for the presets. */
export type Own = { readonly kind: 'text'; readonly name: string; readonly text: string } | OwnTable | null;
export interface OwnTable {
  readonly kind: 'table';
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

const SHOWN = 24; // held-out sequences to choose from
const BATCHES = 50; // of an epoch of drawn sequences

/** Letters that can be seen where the text has none. */
export const visible = (character: string): string => ({ '\n': '⏎', ' ': '␣', '\t': '⇥' })[character] ?? character;

export async function taskOf(
  settings: Settings,
  own: Own,
  fetchText: (file: string) => Promise<string>,
): Promise<Task> {
  switch (settings.preset) {
    case 'counting':
      return values(
        settings,
        'Ones among zeros: after each step, how many have there been so far, as a share of all steps?',
        ['bit'],
        (rows, random) => counting(settings.steps, rows, random.uniform.bind(random)),
      );
    case 'adding':
      return values(
        settings,
        'Two of the numbers are marked. What is their sum, at the end? Always saying 1 has a mean squared error of 1/6.',
        ['number', 'mark'],
        (rows, random) => addingTask(settings.steps, rows, random),
      );
    case 'copy':
      return copying(settings);
    case 'anbn':
      return ofText(
        settings,
        'a^n, a line’s end, b^n: how many b have to come can only be known by counting.',
        anbn(12, 6000, settings.seed),
      );
    case 'sine':
      return ofSeries(settings, 'Two waves and some noise: what comes next?', sine(settings.seed), ['y']);
    case 'names':
      return ofText(settings, 'English first names, letter by letter.', await names(fetchText, settings.seed));
    case 'novel':
      return ofText(
        settings,
        'Moby-Dick, character by character.',
        (await fetchText('moby-dick.txt')).slice(0, 400_000),
      );
    case 'births': {
      const { series, names } = births(await fetchText('us-births-1969-1988.csv'));
      return ofSeries(settings, 'Births a day in the US, 1969 to 1988: how many tomorrow?', series, names);
    }
    case 'own': {
      if (!own) throw new Error('There is no text or table yet: paste, drop or choose one.');
      if (own.kind === 'text') return ofText(settings, `${own.name}: the next character.`, own.text);
      const rows = own.rows.map((row) => Float64Array.from(row));
      return ofSeries(
        settings,
        `${own.name}: the next ${own.columns.at(-1)}.`,
        { rows, target: own.columns.length - 1 },
        own.columns,
      );
    }
  }
}

/** The model for a task. */
export function specOf(settings: Settings, task: Task): ModelSpec {
  const cell = {
    standard: {},
    coupled: { gates: 'coupled' },
    peepholes: { peepholes: true },
    layerNorm: { layerNorm: true },
  } as const;
  const lstm = {
    kind: 'lstm',
    hiddenSize: settings.units,
    bias: 'single',
    ...(settings.cell === 'standard' ? {} : { cell: cell[settings.cell] }),
  } as const;
  return {
    seed: settings.seed,
    ...(task.inputSize === undefined ? {} : { inputSize: task.inputSize }),
    layers: [
      ...task.first,
      ...Array.from({ length: settings.layers }, () => lstm),
      { kind: 'linear', size: task.outputs },
    ],
  };
}

const round = (value: number): string => String(Number(value.toPrecision(3)));

function counting(steps: number, batchSize: number, uniform: () => number): Sequences {
  const counts = new Float32Array(batchSize);
  return Array.from({ length: steps }, () => {
    const input = Float32Array.from({ length: batchSize }, () => (uniform() < 0.35 ? 1 : 0));
    for (let n = 0; n < batchSize; n++) counts[n]! += input[n]! / steps;
    return { input, target: counts.slice() };
  });
}

/** A task of numbers in and one number out, drawn anew for every batch. */
function values(settings: Settings, about: string, names: readonly string[], draw: Drawing): Task {
  const { batch, seed } = settings;
  return {
    about,
    data: { train: drawn(draw, batch, BATCHES, `train/${seed}`), validation: drawn(draw, batch, 4, 'held out') },
    loss: 'meanSquaredError',
    inputSize: names.length,
    first: [],
    outputs: 1,
    outputNames: ['output'],
    vocabulary: null,
    sequences: SHOWN,
    sequence(index) {
      const steps = draw(1, createRng(`shown/${index}`, 'studio'));
      return {
        batch: stepsToBatch(steps, 1),
        read: steps.map(({ input }) => Array.from(input, round).join(' · ')),
        wanted: steps.map(({ target }) => (target ? round(target[0]!) : '')),
      };
    },
  };
}

function copying(settings: Settings): Task {
  const symbols = 4;
  const length = Math.max(1, Math.floor(settings.steps / 5));
  const shape = { symbols, length, lag: Math.max(0, settings.steps - 2 * length) };
  const draw: Drawing = (rows, random) => copyTask(shape, rows, random);
  const letters = ['a', 'b', 'c', 'd', '·', '?'];
  const base = values(
    settings,
    `${length} letters are to be said again after ${shape.lag} blank steps, at the sign “?”.`,
    letters,
    draw,
  );
  return {
    ...base,
    loss: 'crossEntropy',
    inputSize: copyWidth(shape),
    outputs: symbols,
    outputNames: letters.slice(0, symbols),
    sequence(index) {
      const steps = draw(1, createRng(`shown/${index}`, 'studio'));
      return {
        batch: stepsToBatch(steps, 1),
        read: steps.map(({ input }) => letters[Array.from(input).indexOf(1)]!),
        wanted: steps.map(({ target }) => (target ? letters[target[0]!]! : '')),
      };
    },
  };
}

function anbn(largest: number, characters: number, seed: number): string {
  const letters = ['a', 'b', '\n'];
  let text = '';
  for (const letter of countingText(largest, createRng(seed, 'anbn'))) {
    text += letters[letter];
    if (text.length >= characters) return text;
  }
  return text;
}

async function names(fetchText: (file: string) => Promise<string>, seed: number): Promise<string> {
  const all = (await Promise.all([fetchText('female-names.txt'), fetchText('male-names.txt')]))
    .join('\n')
    .split(/\r?\n/)
    .filter(Boolean);
  const random = createRng(seed, 'names');
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return `${all.join('\n')}\n`;
}

function ofText(settings: Settings, about: string, text: string): Task {
  const { batch: batchSize, steps } = settings;
  const { vocabulary, train, validation } = textStreams(text, { batchSize, steps });
  const { size } = vocabulary;
  const tokens = validation!.tokens;
  const shown = Math.max(1, Math.min(SHOWN, Math.floor((tokens.length - 1) / steps)));
  const say = (id: number): string => visible(vocabulary.characters[id]!);
  return {
    about,
    data: { train, validation },
    loss: 'crossEntropy',
    first: [{ kind: 'embedding', size, width: Math.min(16, size) }],
    outputs: size,
    outputNames: vocabulary.characters.map(visible),
    vocabulary,
    sequences: shown,
    sequence(index) {
      const from = index * steps;
      const own = Math.min(steps, tokens.length - 1 - from);
      const [inputs, targets] = [tokens.slice(from, from + own), tokens.slice(from + 1, from + own + 1)];
      return {
        batch: { steps: own, batchSize: 1, inputs, targets },
        read: Array.from(inputs, say),
        wanted: Array.from(targets, say),
      };
    },
  };
}

function sine(seed: number): Series {
  const random = createRng(seed, 'sine');
  const rows = Array.from({ length: 3000 }, (_, t) =>
    Float64Array.of(Math.sin(t / 4) + 0.6 * Math.sin(t / 13 + 1) + 0.08 * random.normal()),
  );
  return { rows, target: 0 };
}

const WEEK = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function births(text: string): { series: Series; names: string[] } {
  const rows = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [, , , day, count] = line.split(',').map(Number);
      return Float64Array.from([...WEEK.map((_, i) => (i + 1 === day ? 1 : 0)), count!]);
    });
  return { series: { rows, target: WEEK.length }, names: [...WEEK, 'births'] };
}

/** Standardised by the part that is trained on; the last tenth is held out. */
function ofSeries(settings: Settings, about: string, series: Series, names: readonly string[]): Task {
  const { batch, steps } = settings;
  const { target } = series;
  const cut = Math.floor(series.rows.length * 0.9);
  if (series.rows.length - cut < steps + 3)
    throw new Error(
      `The series has ${series.rows.length} rows, too few to hold a tenth out for windows of ${steps} steps. Lower the steps to ${Math.max(2, series.rows.length - cut - 3)} or fewer, or give more rows.`,
    );
  const scales = names.map((_, column) => {
    const known = series.rows.slice(0, cut).map((row) => row[column]!);
    const mean = known.reduce((a, b) => a + b, 0) / known.length;
    const deviation = Math.sqrt(known.reduce((a, b) => a + (b - mean) ** 2, 0) / known.length) || 1;
    return { mean, deviation };
  });
  const scaled: Series = {
    target,
    rows: series.rows.map((row) => row.map((v, i) => (v - scales[i]!.mean) / scales[i]!.deviation)),
  };
  const room = series.rows.length - cut - steps - 1;
  const back = (value: number): string => round(value * scales[target]!.deviation + scales[target]!.mean);
  return {
    about,
    data: {
      train: windows(scaled, 0, cut, batch, steps),
      validation: windows(scaled, cut, series.rows.length, batch, steps),
    },
    loss: 'meanSquaredError',
    inputSize: names.length,
    first: [],
    outputs: 1,
    outputNames: [`${names[target]} (standardised)`],
    vocabulary: null,
    sequences: Math.min(SHOWN, Math.max(1, room)),
    sequence(index) {
      const start = cut + Math.floor((index * room) / SHOWN);
      const at = (t: number): string => back(scaled.rows[start + t]![target]!);
      return {
        batch: oneWindow(scaled, start, steps),
        read: Array.from({ length: steps }, (_, t) => at(t)),
        wanted: Array.from({ length: steps }, (_, t) => at(t + 1)),
      };
    },
  };
}
