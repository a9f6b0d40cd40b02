/**
 * The pipeline of a classifier or a tagger: from a table or a text to batches, and from the output of a model to labels. It splits
 * first and fits its vocabulary and scalers on the training part; no call can do it in another order. It is plain data, so a model
 * file can hold it.
 */
import { didYouMean, isObject, shown } from '../../checks.js';
import { invalidData } from '../../errors.js';
import { PARTS, type PartName } from '../series/split.js';
import type { Table } from '../table/table.js';
import { Features, type FittedFeatures, featuresFrom, fitFeatures } from './features.js';
import {
  type LabelTask,
  optionsOfSettings,
  type SequenceSettings,
  type SourceKind,
  sequenceSettings,
} from './options.js';
import { cutSequence, readSamples, type Sample, spacesOf } from './read.js';
import { type EncodedSample, SequenceSource } from './source.js';
import { type SampleParts, splitSamples, splitText } from './split.js';

/** A fitted pipeline as JSON. */
export interface SequencePipelineData {
  readonly kind: LabelTask;
  readonly settings: SequenceSettings;
  readonly features: FittedFeatures;
  readonly classes: readonly string[];
  readonly longest: number;
}

/** What a classifier or a tagger does with data; `classification` and `tagging` make one. */
export class SequencePipeline {
  /** The job. */
  readonly kind: LabelTask;
  /** The options, with defaults. */
  readonly settings: SequenceSettings;
  /** The classes or tags of the training part, sorted. */
  readonly classes: readonly string[];
  /** Time steps of the longest sequence of the training part. */
  readonly longest: number;
  /** What was fitted on the training part. */
  readonly features: Features;
  private readonly numbers: ReadonlyMap<string, number>;

  /** Use `classification`, `tagging` or `pipelineFrom`. */
  constructor({ kind, settings, features, classes, longest }: SequencePipelineData) {
    this.kind = kind;
    this.settings = settings;
    this.classes = classes;
    this.longest = longest;
    this.features = features instanceof Features ? features : new Features(features);
    this.numbers = new Map(classes.map((label, i) => [label, i]));
  }

  /** Whether the data is a plain text, whose spaces are the tags. */
  get isPlain(): boolean {
    return this.settings.label === null;
  }

  /** How samples become batches. */
  get rules() {
    const { features, kind, settings } = this;
    const width = features.tokenCount === null ? features.width : null;
    return { batchSize: settings.batchSize, width, perStep: kind === 'tagging', oversample: false };
  }

  /** A sample as numbers. Throws `INVALID_DATA` for a label that the training part does not have. */
  encode(sample: Sample): EncodedSample {
    return {
      sample,
      inputs: this.features.encode(sample),
      targets: sample.labels.map((label) => this.numberOf(label, sample)),
    };
  }

  /** The samples of a table, with or without labels. */
  read(table: Table, isLabeled: boolean): Sample[] {
    return readSamples(table, { settings: this.settings, task: this.kind, isLabeled });
  }

  /** The pipeline as JSON, for a model file. */
  toJSON(): SequencePipelineData {
    const { kind, settings, classes, longest } = this;
    const { tokens, scalers } = this.features;
    return { kind, settings, features: { tokens, scalers }, classes, longest };
  }

  private numberOf(label: string, { place }: Sample): number {
    const number = this.numbers.get(label);
    if (number !== undefined) return number;
    const what = this.kind === 'classification' ? 'class' : 'tag';
    const known = this.classes.slice(0, 20).join(', ');
    const problem = `has the ${what} ${shown(label)}, which the training part does not have.${didYouMean(label, this.classes)}`;
    throw invalidData(place, problem, `It has ${known}. Correct the label, or give more samples of it.`);
  }
}

/** A table or text that went through a pipeline: batches of each part. */
export interface PreparedSequences {
  readonly pipeline: SequencePipeline;
  readonly parts: Readonly<Record<PartName, SequenceSource>>;
}

/** What is prepared. */
export interface SequenceInput {
  readonly task: LabelTask;
  readonly source: Table | string;
  readonly options: unknown;
  /** A test part that is given, instead of one that is split off. */
  readonly test?: Table | undefined;
  /** Instead of the test part, which is left out: one of so many folds of the other samples. */
  readonly among?: { readonly folds: number; readonly fold: number } | undefined;
  /** A fitted pipeline, whose vocabulary, scalers and classes are used. */
  readonly fitted?: SequencePipeline | undefined;
}

const TEXT = 'text';

/** The samples of a plain text. Those of the training part do not overlap; the others read characters around them. */
function textParts(text: string, settings: SequenceSettings): SampleParts {
  const { tokens, labels } = spacesOf(text, settings);
  if (tokens.length === 0) throw invalidData(TEXT, 'is empty or has only white space.', 'Give a text with words.');
  const { train, validation } = splitText(tokens.length, settings, TEXT);
  const cut = (from: number, to: number, context: number): Sample[] =>
    cutSequence({ tokens: tokens.slice(from, to), labels: labels.slice(from, to) }, { ...settings, context }, TEXT);
  return {
    train: cut(0, train, 0),
    validation: cut(train, validation, settings.context),
    test: cut(validation, tokens.length, settings.context),
  };
}

function partsOf({ task, source, test, among }: SequenceInput, settings: SequenceSettings): SampleParts {
  if (typeof source === 'string') return textParts(source, settings);
  const reading = { settings, task, isLabeled: true };
  const split = (samples: readonly Sample[], rules: SequenceSettings): SampleParts =>
    splitSamples(samples, rules, task === 'classification', source.name);
  const parts = split(readSamples(source, reading), settings);
  if (among) return split([...parts.train, ...parts.validation], { ...settings, test: 0, ...among });
  return test ? { ...parts, test: readSamples(test, reading) } : parts;
}

/** The labels of the training part, sorted. Throws `INVALID_DATA` unless there are two. */
function classesOf(train: readonly Sample[], task: LabelTask, what: string): string[] {
  const classes = new Set<string>();
  for (const { labels } of train) for (const label of labels) classes.add(label);
  if (classes.size > 1) return [...classes].sort();
  const unit = task === 'classification' ? 'class' : 'tag';
  throw invalidData(
    what,
    `has only one ${unit} in its training part, ${shown([...classes][0])}.`,
    `Give samples of at least two.`,
  );
}

/** Splits samples, fits a pipeline on the training part, and makes batches of all parts. */
export function prepareSequences(input: SequenceInput): PreparedSequences {
  const { task, source, options, test, fitted } = input;
  const what = typeof source === 'string' ? TEXT : source.name;
  const kind: SourceKind = { task, isPlain: typeof source === 'string', hasTest: test !== undefined };
  const settings = sequenceSettings(options, kind);
  const parts = partsOf(input, settings);
  const pipeline =
    fitted ??
    new SequencePipeline({
      ...{ kind: task, settings, features: fitFeatures(parts.train, settings, what) },
      classes: classesOf(parts.train, task, what),
      longest: parts.train.reduce((max, { steps }) => Math.max(max, steps), 0),
    });
  const sourceOf = (part: PartName): SequenceSource => {
    const oversample = part === 'train' && settings.balance === 'oversample';
    return new SequenceSource(
      parts[part].map((sample) => pipeline.encode(sample)),
      { ...pipeline.rules, oversample },
    );
  };
  const [train, validation, tested] = PARTS.map(sourceOf) as [SequenceSource, SequenceSource, SequenceSource];
  return { pipeline, parts: { train, validation, test: tested } };
}

/** Restores a pipeline from the result of `toJSON`. Throws `INVALID_DATA` for anything else. */
export function sequencePipelineFrom(data: unknown): SequencePipeline {
  const bad = (what: string) =>
    invalidData('pipeline', `is damaged: ${what}.`, 'Use a model file of a classifier or a tagger.');
  if (!isObject(data) || (data.kind !== 'classification' && data.kind !== 'tagging')) {
    throw bad('it is not that of a classifier or a tagger');
  }
  const { kind, classes, longest } = data;
  if (!isObject(data.settings) || !Array.isArray(data.settings.values)) throw bad('it has no settings');
  const saved = data.settings as unknown as SequenceSettings;
  const isPlain = saved.label === null;
  const settings = sequenceSettings(optionsOfSettings(kind, saved), { task: kind, isPlain, hasTest: false });
  const features = featuresFrom(data.features, settings);
  if (!features) throw bad('its vocabulary or its scalers');
  const isList = Array.isArray(classes) && classes.length > 1 && [...classes].every((one) => typeof one === 'string');
  if (!isList || new Set(classes).size !== classes.length) throw bad('its classes');
  if (!Number.isSafeInteger(longest) || (longest as number) < 0) throw bad('its longest sequence');
  return new SequencePipeline({ kind, settings, features, classes: [...classes], longest: longest as number });
}
