/** Trained classifiers and taggers: models and pipeline. They predict labels with probabilities. */
import { isObject, shown } from '../checks.js';
import { Model } from '../core/model.js';
import { largestOf } from '../data/sequences/largest.js';
import type { LabelTask } from '../data/sequences/options.js';
import { optionsOfSettings } from '../data/sequences/options.js';
import { prepareSequences, type SequencePipeline, sequencePipelineFrom } from '../data/sequences/pipeline.js';
import { cutSequence, type Sample, SPACE, tokensOf } from '../data/sequences/read.js';
import { Table } from '../data/table/table.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { Metadata } from '../interop/model-file.js';
import { predictSequences } from './predict-sequences.js';
import { LabeledData } from './sequences.js';

/** What is predicted: texts, sequences of numbers ([steps, width] each), or a table with the columns of the training. */
export type LabelerInputs = Table | readonly (string | ArrayLike<number>)[];

/** The predicted class of a sample. */
export interface PredictedClass {
  /** The class with the largest probability. */
  readonly label: string;
  /** Its probability, 0 to 1. */
  readonly probability: number;
  /** The probability of each class. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** What the model has not seen in its training: unknown characters or words, or a longer sequence. */
  readonly warnings: readonly string[];
}

/** The predicted tags of a sequence. */
export interface PredictedTags {
  /** The characters or words; empty for numbers. */
  readonly tokens: readonly string[];
  /** The tag of each time step with the largest probability. */
  readonly tags: readonly string[];
  /** The probability of each of these tags. */
  readonly probabilities: readonly number[];
  /** For a tagger of a plain text: the text with its spaces. Otherwise null. */
  readonly text: string | null;
  /** What the model has not seen in its training. */
  readonly warnings: readonly string[];
}

/** What a classifier or a tagger is made of. */
export interface LabelerParts {
  readonly models: readonly Model[];
  readonly pipeline: SequencePipeline;
}

const MAX_SHOWN = 10;

/** What classifiers and taggers share. Several models are an ensemble: their probabilities are averaged. */
export abstract class Labeler implements LabelerParts {
  readonly models: readonly Model[];
  readonly pipeline: SequencePipeline;

  /** Use `trainClassifier`, `trainTagger`, `classifierFrom` or `taggerFrom`. */
  constructor({ models, pipeline }: LabelerParts) {
    this.models = models;
    this.pipeline = pipeline;
  }

  /**
   * The table or text of the training again, with the pipeline of this model: the same parts, of which the test part was not trained on.
   * `test` is the separate test table, if there was one. Throws `INVALID_DATA`.
   */
  data(source: Table | string, test?: Table): LabeledData {
    const { kind, settings } = this.pipeline;
    if (typeof source !== 'string' && !(source instanceof Table)) {
      throw invalidSetting('source', `must be a table or a text, got ${shown(source)}.`);
    }
    if (test !== undefined && !(test instanceof Table)) {
      throw invalidSetting('test', `must be a table, got ${shown(test)}.`);
    }
    if ((typeof source === 'string') !== this.pipeline.isPlain) {
      const expected = this.pipeline.isPlain ? 'a text' : 'a table';
      throw invalidSetting('source', `must be ${expected}, as in the training.`);
    }
    const options = optionsOfSettings(kind, settings);
    return new LabeledData(prepareSequences({ task: kind, source, options, test, fitted: this.pipeline }));
  }

  /** The model file's metadata: pass it to `saveModel`, and what was read to `classifierFrom` or `taggerFrom`. */
  metadata(): Metadata {
    const { pipeline } = this;
    return JSON.parse(JSON.stringify({ task: pipeline.kind, pipeline: pipeline.toJSON() })) as Metadata;
  }

  /** Frees the models. */
  dispose(): void {
    for (const model of this.models) model.dispose();
  }
}

/** The class probabilities of samples, [classes] or [steps, classes] each. */
function probabilitiesOf({ models, pipeline }: LabelerParts, samples: readonly Sample[]): Promise<Float64Array[]> {
  const encoded = samples.map((sample) => pipeline.encode({ ...sample, labels: [] }));
  return predictSequences(models, encoded, pipeline);
}

/** Samples without labels. Throws `INVALID_DATA` for what is not text or numbers, or empty. */
function samplesOf(pipeline: SequencePipeline, inputs: LabelerInputs): Sample[] {
  if (inputs instanceof Table) {
    if (!pipeline.isPlain) return pipeline.read(inputs, false);
    throw invalidData('inputs', 'must be a list of texts for a tagger of plain text, got a table.');
  }
  if (!Array.isArray(inputs)) throw invalidData('inputs', `must be a list or a table, got ${shown(inputs)}.`);
  return [...inputs].map((input: unknown, i) => sampleOf(pipeline, input, `inputs[${i}]`));
}

function warningsFor(pipeline: SequencePipeline, sample: Pick<Sample, 'tokens' | 'steps'>, isCut = false): string[] {
  const { features, longest, settings } = pipeline;
  const unknown = features.unknownIn(sample as Sample);
  const more = unknown.length > MAX_SHOWN ? ', ...' : '';
  const names = unknown
    .slice(0, MAX_SHOWN)
    .map((token) => JSON.stringify(token))
    .join(', ');
  return [
    ...(unknown.length > 0 ? [`has unknown ${settings.units}: ${names}${more}`] : []),
    ...(sample.steps > longest && !isCut
      ? [`has ${sample.steps} time steps; the longest sequence of the training had ${longest}`]
      : []),
  ];
}

function sampleOf(pipeline: SequencePipeline, input: unknown, place: string): Sample {
  const { settings, features } = pipeline;
  const none = { place, labels: [], group: null, margins: [0, 0] as const };
  if (settings.values.length === 0) {
    if (typeof input !== 'string') throw invalidData(place, `must be a text, got ${shown(input)}.`);
    const tokens = tokensOf(pipeline.isPlain ? input.replace(/\s+/g, '') : input, settings);
    if (input.trim() === '') throw invalidData(place, 'must not be empty.');
    return { ...none, steps: tokens.length, tokens, values: new Float64Array(0) };
  }
  const isList = Array.isArray(input) || (ArrayBuffer.isView(input) && 'length' in input);
  if (!isList) throw invalidData(place, `must be a list of numbers, got ${shown(input)}.`);
  const values = Float64Array.from(input as ArrayLike<number>, (value) =>
    typeof value === 'number' && Number.isFinite(value) ? value : Number.NaN,
  );
  const steps = values.length / features.width;
  if (values.length === 0 || !Number.isInteger(steps) || values.some(Number.isNaN)) {
    throw invalidData(place, `must be finite numbers, ${features.width} for each time step, got ${shown(input)}.`);
  }
  return { ...none, steps, tokens: [], values };
}

/** A trained classifier. */
export class Classifier extends Labeler {
  /**
   * The class of each input, with probabilities. Unknown characters and longer sequences than in the training are allowed; `warnings`
   * names them. Throws `INVALID_DATA` for an empty text or values that are not numbers.
   */
  async predict(inputs: LabelerInputs): Promise<PredictedClass[]> {
    const samples = samplesOf(this.pipeline, inputs);
    const all = await probabilitiesOf(this, samples);
    const { classes } = this.pipeline;
    return all.map((probabilities, i) => {
      const best = largestOf(probabilities, 0, classes.length);
      return {
        label: classes[best]!,
        probability: probabilities[best]!,
        probabilities: Object.fromEntries(classes.map((name, k) => [name, probabilities[k]!])),
        warnings: warningsFor(this.pipeline, samples[i]!),
      };
    });
  }
}

/** A trained tagger. */
export class Tagger extends Labeler {
  /**
   * The tags of each input, with probabilities. A tagger of plain text ignores the white space of its inputs, and returns the text with
   * the predicted spaces. Throws as `Classifier.predict` does.
   */
  async predict(inputs: LabelerInputs): Promise<PredictedTags[]> {
    const samples = samplesOf(this.pipeline, inputs);
    const { classes, isPlain, settings } = this.pipeline;
    // A plain text is read as in the training: in pieces that know what is around them.
    const pieces = samples.map((sample) =>
      isPlain ? cutSequence({ tokens: sample.tokens, labels: [] }, settings, sample.place) : [sample],
    );
    const all = await probabilitiesOf(this, pieces.flat());
    let at = 0;
    return samples.map((sample, i) => {
      const [tags, probabilities]: [string[], number[]] = [[], []];
      for (const { steps, margins } of pieces[i]!) {
        const values = all[at++]!;
        for (let t = margins[0]; t < steps - margins[1]; t++) {
          const best = largestOf(values, t * classes.length, classes.length);
          tags.push(classes[best]!);
          probabilities.push(values[t * classes.length + best]!);
        }
      }
      const { tokens } = sample;
      const text = isPlain ? joined(tokens, tags) : null;
      return { tokens, tags, probabilities, text, warnings: warningsFor(this.pipeline, sample, isPlain) };
    });
  }
}

/** Characters with a space after those whose tag says so. */
const joined = (tokens: readonly string[], tags: readonly string[]): string =>
  tokens.map((token, i) => (tags[i] === SPACE && i < tokens.length - 1 ? `${token} ` : token)).join('');

function partsFrom(models: unknown, metadata: unknown, task: LabelTask): LabelerParts {
  // A copy, because `every` skips holes.
  if (!Array.isArray(models) || models.length === 0 || ![...models].every((model) => model instanceof Model)) {
    throw invalidSetting('models', `must be a list of models, got ${shown(models)}.`);
  }
  if (!isObject(metadata)) throw invalidData('metadata', `must be an object, got ${shown(metadata)}.`);
  const pipeline = sequencePipelineFrom(metadata.pipeline);
  if (pipeline.kind !== task) throw invalidData('pipeline', `is for ${pipeline.kind}, not for ${task}.`);
  const { features, classes } = pipeline;
  for (const { spec, outputSize } of models as readonly Model[]) {
    const [first] = spec.layers;
    const tokens = first?.kind === 'embedding' ? first.size : null;
    const fits = tokens === features.tokenCount && (tokens !== null || spec.inputSize === features.width);
    if (fits && outputSize === classes.length) continue;
    const inputs = features.tokenCount === null ? `${features.width} inputs` : `${features.tokenCount} tokens`;
    const problem = `has ${inputs} and ${classes.length} labels; the model has ${tokens ?? spec.inputSize} and ${outputSize}.`;
    throw invalidData('pipeline', problem);
  }
  return { models: models as readonly Model[], pipeline };
}

/**
 * Restores a classifier from the models and the metadata of model files. Throws `INVALID_DATA` for the metadata of another model.
 *
 * @example
 * const { model, metadata } = await loadModel('names.safetensors');
 * console.log(await classifierFrom([model], metadata).predict(['Marlene']));
 */
export const classifierFrom = (models: readonly Model[], metadata: Metadata): Classifier =>
  new Classifier(partsFrom(models, metadata, 'classification'));

/** Restores a tagger, as `classifierFrom` restores a classifier. */
export const taggerFrom = (models: readonly Model[], metadata: Metadata): Tagger =>
  new Tagger(partsFrom(models, metadata, 'tagging'));
