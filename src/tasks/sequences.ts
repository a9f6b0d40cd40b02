/** Classification and tagging: from a table or a text to what `fit` trains on. */
import { requireInteger, requireNumber, requireOptional, requireOptions, shown } from '../checks.js';
import type { LossSpec } from '../core/losses.js';
import type { LayerSpec, ModelSpec } from '../core/spec.js';
import type { ClassificationOptions, LabelTask, TaggingOptions } from '../data/sequences/options.js';
import { type PreparedSequences, prepareSequences, type SequencePipeline } from '../data/sequences/pipeline.js';
import type { SequenceSource } from '../data/sequences/source.js';
import { PARTS, type PartName } from '../data/series/split.js';
import { Table } from '../data/table/table.js';
import { invalidData, invalidSetting } from '../errors.js';

/** Sizes of the model that `LabeledData.spec` describes. */
export interface LabelerSizes {
  /** Numbers in the vector of a character or word. Default 32. */
  readonly embeddingSize?: number;
  /** Units of each LSTM layer and direction. Default 64. */
  readonly hiddenSize?: number;
  /** LSTM layers. Default 1. */
  readonly layers?: number;
  /** Dropout after each LSTM layer, from 0 to 0.99. Default 0.3. */
  readonly dropout?: number;
  /** Dropout of the recurrent state, with one mask for all time steps, from 0 to 0.99. Default 0. */
  readonly recurrentDropout?: number;
  /** Reads the sequence in both directions. Default true. */
  readonly bidirectional?: boolean;
  /** Default 1. */
  readonly seed?: number;
}

export const LABELER_SIZE_KEYS = [
  ...['embeddingSize', 'hiddenSize', 'layers', 'dropout', 'recurrentDropout', 'bidirectional', 'seed'],
] as const;

/** Samples of one class or steps of one tag, in each part. */
export interface ClassDescription {
  readonly name: string;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/** What a pipeline made of samples. */
export interface LabeledDescription {
  readonly task: LabelTask;
  /** Samples of each part. */
  readonly samples: Readonly<Record<PartName, number>>;
  /** For `classification`: samples of each class; for `tagging`: time steps of each tag. */
  readonly classes: readonly ClassDescription[];
  /** Time steps of the shortest, the median and the longest training sample. */
  readonly lengths: { readonly min: number; readonly median: number; readonly max: number };
  /** Different characters or words of the training part that the model knows; null for numbers. */
  readonly tokens: number | null;
  /** The share of the steps in the batches of an epoch that are padding. */
  readonly padding: number;
  /** The first samples of the training part, with their labels. */
  readonly examples: readonly { readonly place: string; readonly input: string; readonly label: string }[];
}

const EXAMPLES = 3;

/** Labeled sequences as training data: pass it to `fit`, `trainClassifier` or `trainTagger`. */
export class LabeledData {
  readonly #prepared: PreparedSequences;

  /** Use `classification` or `tagging`. */
  constructor(prepared: PreparedSequences) {
    this.#prepared = prepared;
  }

  /** Batches of the training part. */
  get train(): SequenceSource {
    return this.#prepared.parts.train;
  }

  /** Batches of the validation part; null without one. */
  get validation(): SequenceSource | null {
    const { validation } = this.#prepared.parts;
    return validation.samples.length > 0 ? validation : null;
  }

  /** Batches of the test part; null without one. */
  get test(): SequenceSource | null {
    const { test } = this.#prepared.parts;
    return test.samples.length > 0 ? test : null;
  }

  /** The fitted pipeline. */
  get pipeline(): SequencePipeline {
    return this.#prepared.pipeline;
  }

  /** Cross-entropy; with `balance: 'weights'`, weighted so that all classes count the same in the training part. */
  get loss(): LossSpec {
    if (this.pipeline.settings.balance !== 'weights') return { kind: 'crossEntropy' };
    const counts = countsOf(this.train, this.pipeline.classes.length);
    const total = counts.reduce((sum, count) => sum + count, 0);
    return { kind: 'crossEntropy', classWeights: counts.map((count) => total / (counts.length * count)) };
  }

  /** A model of LSTM layers and a linear layer with one output per class, after an embedding for texts. Throws `INVALID_SETTING`. */
  spec(sizes: LabelerSizes = {}): ModelSpec {
    requireOptions('sizes', sizes, LABELER_SIZE_KEYS);
    const { embeddingSize = 32, hiddenSize = 64, layers = 1, dropout = 0.3, recurrentDropout = 0 } = sizes;
    const { bidirectional = true, seed = 1 } = sizes;
    requireOptional('sizes.bidirectional', bidirectional, 'boolean');
    requireInteger('sizes.embeddingSize', embeddingSize, 1, 1 << 20);
    requireInteger('sizes.hiddenSize', hiddenSize, 1, 1 << 20);
    requireInteger('sizes.layers', layers, 1, 1000);
    requireNumber('sizes.dropout', dropout, 0, 0.99);
    requireNumber('sizes.recurrentDropout', recurrentDropout, 0, 0.99);
    const { features, kind, classes } = this.pipeline;
    const size = features.tokenCount;
    const blockOf = (i: number): LayerSpec[] => [
      {
        ...{ kind: 'lstm', hiddenSize },
        ...(bidirectional && { direction: 'bidirectional' as const }),
        ...(recurrentDropout > 0 && { recurrentDropout }),
        ...(kind === 'classification' && i === layers - 1 && { returns: 'last' as const }),
      },
      ...(dropout > 0 ? [{ kind: 'dropout' as const, rate: dropout }] : []),
    ];
    return {
      seed,
      ...(size === null && { inputSize: features.width }),
      layers: [
        ...(size === null ? [] : [{ kind: 'embedding' as const, size, width: embeddingSize }]),
        ...Array.from({ length: layers }, (_, i) => blockOf(i)).flat(),
        { kind: 'linear', size: classes.length },
      ],
    };
  }

  /** What the pipeline made of the samples: the parts, the classes, the lengths, and examples. */
  describe(): LabeledDescription {
    const { pipeline, parts } = this.#prepared;
    const { classes, features, kind } = pipeline;
    const counts = PARTS.map((part) => countsOf(parts[part], classes.length));
    const lengths = parts.train.samples.map(({ sample }) => sample.steps).sort((a, b) => a - b);
    const inputOf = ({ tokens, values }: { tokens: readonly string[]; values: Float64Array }): string =>
      tokens.length > 0 ? tokens.join(pipeline.settings.units === 'words' ? ' ' : '') : Array.from(values).join(' ');
    return {
      task: kind,
      samples: {
        train: parts.train.samples.length,
        validation: parts.validation.samples.length,
        test: parts.test.samples.length,
      },
      classes: classes.map((name, k) => ({
        name,
        train: counts[0]![k]!,
        validation: counts[1]![k]!,
        test: counts[2]![k]!,
      })),
      lengths: { min: lengths[0]!, median: lengths[lengths.length >> 1]!, max: lengths.at(-1)! },
      tokens: features.tokenCount === null ? null : features.tokens.length,
      padding: paddingOf(parts.train),
      examples: parts.train.samples.slice(0, EXAMPLES).map(({ sample }) => ({
        ...{ place: sample.place, input: inputOf(sample).slice(0, 60) },
        label: sample.labels.slice(0, 20).join(' '),
      })),
    };
  }
}

/** How often each class is a target, without the steps that are only read. */
export function countsOf({ samples, rules }: SequenceSource, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { targets, sample } of samples) {
    const [before, after] = rules.perStep ? sample.margins : [0, 0];
    for (let t = before; t < targets.length - after; t++) counts[targets[t]!]!++;
  }
  return counts;
}

function paddingOf(source: SequenceSource): number {
  let [steps, read] = [0, 0];
  for (let i = 0; i < source.length; i++) {
    const batch = source.batch(i);
    steps += batch.steps * batch.batchSize;
    read += Array.from(batch.lengths!).reduce((sum, length) => sum + length, 0);
  }
  return 1 - read / steps;
}

function requireTable(path: string, table: unknown): asserts table is Table {
  if (table instanceof Table) return;
  throw invalidSetting(
    path,
    `must be a table, got ${shown(table)}.`,
    'Use parseCsv(), parseJsonLines() or parseClassFiles().',
  );
}

/**
 * Prepares a table for classification: each text, or each sequence of numbers, has one class. The samples are split into training,
 * validation and test parts, with the same shares of the classes; vocabulary and scalers are fitted on the training part. `test` is
 * a separate test table. Throws `INVALID_SETTING` for options that cannot work, and `INVALID_DATA` with file, line and column for data
 * that cannot be used.
 *
 * @example
 * const data = classification(parseCsv(text, { name: 'names.csv' }), { text: 'name', label: 'sex' });
 * const classifier = await trainClassifier(data, { epochs: 10 });
 * console.log(await classifier.predict(['Marlene']));
 */
export function classification(table: Table, options: ClassificationOptions, test?: Table): LabeledData {
  requireTable('table', table);
  if (test !== undefined) requireTable('test', test);
  return new LabeledData(prepareSequences({ task: 'classification', source: table, options, test }));
}

/**
 * Prepares a table or a plain text for tagging: each time step has one tag. The tags of a plain text are its spaces: the model reads the
 * characters without white space, and predicts after which of them a space follows. A plain text is split by position: the test part
 * is its end. Throws as `classification` does.
 *
 * @example
 * const tagger = await trainTagger(tagging(novel), { epochs: 2 });
 * console.log((await tagger.predict(['CallmeIshmael.']))[0].text); // Call me Ishmael.
 */
export function tagging(source: Table | string, options: TaggingOptions = {}, test?: Table): LabeledData {
  if (typeof source !== 'string') requireTable('source', source);
  if (test !== undefined) {
    requireTable('test', test);
    if (typeof source === 'string')
      throw invalidData('test', 'is for tables; a plain text has its test part at its end.');
  }
  return new LabeledData(prepareSequences({ task: 'tagging', source, options, test }));
}
