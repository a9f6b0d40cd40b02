/** Tests of classifiers and taggers on the test part, next to simple baselines on the same samples. */
import { requireInteger, requireOptional, requireOptions, shown } from '../checks.js';
import { createRng } from '../core/rng.js';
import { largestOf } from '../data/sequences/largest.js';
import { SPACE } from '../data/sequences/read.js';
import type { EncodedSample } from '../data/sequences/source.js';
import { Table } from '../data/table/table.js';
import { invalidData, invalidSetting } from '../errors.js';
import { bootstrapIntervals } from '../metrics/bootstrap.js';
import { type CalibrationReport, calibrationOf } from '../metrics/calibration.js';
import { ClassificationMetrics, type ClassScores } from '../metrics/classification.js';
import { labelBaselines } from './label-baselines.js';
import { Classifier, Labeler } from './labeler.js';
import { predictSequences } from './predict-sequences.js';
import { LabeledData } from './sequences.js';

type Interval = readonly [low: number, high: number];

/** The results of one method on the test part. */
export interface LabelMethod {
  readonly name: string;
  /** The share of the samples, or of the time steps for tags, whose label is predicted. */
  readonly accuracy: number;
  /** The mean F1 of all labels (macro F1). For a plain text, the F1 of the spaces. */
  readonly f1: number;
  /** 95 % bootstrap intervals, from resampled samples. */
  readonly accuracyInterval: Interval;
  readonly f1Interval: Interval;
}

/** The scores of one label. */
export interface LabelScores extends ClassScores {
  readonly name: string;
}

/** The result of `testLabeler`. */
export interface LabelReport {
  /** Test samples. */
  readonly samples: number;
  /** Labels that were compared: samples, or time steps for tags. */
  readonly labels: number;
  /** The model first, then the baselines. */
  readonly methods: readonly LabelMethod[];
  /** Precision, recall and F1 of the model for each label. */
  readonly classes: readonly LabelScores[];
  /** The confusion matrix of the model: a row per label of the data, a column per prediction. */
  readonly matrix: readonly (readonly number[])[];
  /** Mean cross-entropy of the model in nats. */
  readonly loss: number;
  readonly calibration: CalibrationReport;
  /** What is suspicious: for example that a baseline is better. */
  readonly warnings: readonly string[];
}

/** Options of `testLabeler`. */
export interface TestLabelerOptions {
  /** Whether to compute the baselines, too; not for a table instead of data. Default true. */
  readonly baselines?: boolean;
  /** Resamples of the bootstrap intervals. Default 1000. */
  readonly bootstrap?: number;
}

/** The rows of a sample that count: its class, or the time steps between its margins. */
const rowsOf = ({ sample, targets }: EncodedSample, perStep: boolean): readonly [from: number, to: number] =>
  perStep ? [sample.margins[0], targets.length - sample.margins[1]] : [0, 1];

/** What the scores of a method need to know of the labels. */
interface ScoreRules {
  readonly classes: number;
  readonly perStep: boolean;
  /** The label of which F1 is computed; -1 for the mean over all labels. */
  readonly positive: number;
}

/** Targets and predictions of one sample: how often each pair of them occurs. */
type Pairs = readonly (readonly [target: number, predicted: number, count: number])[];

function pairsOf(one: EncodedSample, predicted: ArrayLike<number>, { classes, perStep }: ScoreRules): Pairs {
  const counts = new Map<number, number>();
  const [from, to] = rowsOf(one, perStep);
  for (let t = from; t < to; t++) {
    const pair = one.targets[t]! * classes + predicted[t]!;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return [...counts].map(([pair, count]) => [Math.floor(pair / classes), pair % classes, count]);
}

/** Accuracy and F1 of samples, each given by its pairs. */
function scoresOf(units: Iterable<Pairs>, { classes, positive }: ScoreRules): [accuracy: number, f1: number] {
  const hits = new Float64Array(classes);
  const targets = new Float64Array(classes);
  const predictions = new Float64Array(classes);
  let total = 0;
  for (const pairs of units) {
    for (const [target, predicted, count] of pairs) {
      targets[target]! += count;
      predictions[predicted]! += count;
      total += count;
      if (target === predicted) hits[target]! += count;
    }
  }
  const accuracy = hits.reduce((a, b) => a + b) / total;
  const scores = hits.map((hit, k) => (2 * hit) / (targets[k]! + predictions[k]!)); // NaN for a label that never occurs
  if (positive >= 0) return [accuracy, scores[positive]!];
  const given = scores.filter((f1) => !Number.isNaN(f1));
  return [accuracy, given.reduce((a, b) => a + b, 0) / given.length];
}

/** Samples with labels, and the data that baselines are fitted on; null for a table. */
function testedOf(
  labeler: Labeler,
  data: LabeledData | Table,
): { samples: readonly EncodedSample[]; fittedOn: LabeledData | null } {
  if (data instanceof Table) {
    const { pipeline } = labeler;
    return { samples: pipeline.read(data, true).map((sample) => pipeline.encode(sample)), fittedOn: null };
  }
  if (!(data instanceof LabeledData) || data.pipeline.kind !== labeler.pipeline.kind) {
    throw invalidSetting('data', `must be that of the training or a table, got ${shown(data)}.`);
  }
  if (!data.test) throw invalidData('data', 'has no test part.', 'Set options.test, or give a test table.');
  return { samples: data.test.samples, fittedOn: data };
}

/**
 * Predicts the test part and compares the labels with those of the data, next to baselines on the same samples: the most frequent label;
 * naive Bayes on n-grams for the classes of texts; for tags, the most frequent tag of each token; for the spaces of a plain text,
 * segmentation by a dictionary. A table instead of data is a test part as a whole, without baselines. Throws `INVALID_DATA` for data
 * without a test part, and for labels that the training part does not have.
 */
export async function testLabeler(
  labeler: Labeler,
  data: LabeledData | Table,
  options: TestLabelerOptions = {},
): Promise<LabelReport> {
  if (!(labeler instanceof Labeler)) {
    throw invalidSetting(
      'labeler',
      `must be a classifier or a tagger, got ${shown(labeler)}.`,
      'Use trainClassifier().',
    );
  }
  requireOptions('options', options, ['baselines', 'bootstrap']);
  const { baselines = true, bootstrap = 1000 } = options;
  requireOptional('options.baselines', baselines, 'boolean');
  requireInteger('options.bootstrap', bootstrap, 1, 1 << 20);
  const { samples, fittedOn } = testedOf(labeler, data);
  const { classes, rules, isPlain } = labeler.pipeline;
  const own = await predictedBy(labeler, samples);
  const scoring = { classes: classes.length, perStep: rules.perStep, positive: isPlain ? classes.indexOf(SPACE) : -1 };
  const methodOf = (name: string, predicted: readonly ArrayLike<number>[]): LabelMethod => {
    const pairs = samples.map((one, i) => pairsOf(one, predicted[i]!, scoring));
    const [accuracy, f1] = scoresOf(pairs, scoring);
    const rng = createRng(1, 'bootstrap');
    const [accuracyInterval, f1Interval] = bootstrapIntervals(
      samples.length,
      (units) =>
        scoresOf(
          Array.from(units, (unit) => pairs[unit]!),
          scoring,
        ),
      { repeats: bootstrap, level: 0.95, uniform: () => rng.uniform() },
    );
    return { name, accuracy, f1, accuracyInterval: accuracyInterval!, f1Interval: f1Interval! };
  };
  const name = labeler.models.length > 1 ? `LSTM, ${labeler.models.length} seeds together` : 'LSTM';
  const others = baselines && fittedOn ? labelBaselines(fittedOn) : [];
  const methods = [
    methodOf(name, own.labels),
    ...others.map((one) =>
      methodOf(
        one.name,
        samples.map((sample) => one.predict(sample)),
      ),
    ),
  ];
  const { scores, count, matrix, crossEntropy } = own.metrics;
  return {
    ...{ samples: samples.length, labels: count, methods },
    classes: scores.map((score, k) => ({ name: classes[k]!, ...score })),
    ...{ matrix, loss: crossEntropy, calibration: calibrationOf(own.confidences, own.correct) },
    warnings: warningsFor(methods, scores, { classes, isClassifier: labeler instanceof Classifier }),
  };
}

/** The predictions of the model, and what is known of them. */
async function predictedBy({ models, pipeline }: Labeler, samples: readonly EncodedSample[]) {
  const { classes, rules } = pipeline;
  const C = classes.length;
  const outputs = await predictSequences(models, samples, pipeline);
  const metrics = new ClassificationMetrics(C);
  const [confidences, correct]: [number[], boolean[]] = [[], []];
  const labels = outputs.map((probabilities, i) => {
    const one = samples[i]!;
    const [from, to] = rowsOf(one, rules.perStep);
    const logits = probabilities.subarray(from * C, to * C).map((p) => Math.log(Math.max(p, Number.MIN_VALUE)));
    metrics.add(logits, one.targets.slice(from, to));
    const best = Int32Array.from({ length: probabilities.length / C }, (_, t) => largestOf(probabilities, t * C, C));
    for (let t = from; t < to; t++) {
      confidences.push(probabilities[t * C + best[t]!]!);
      correct.push(best[t] === one.targets[t]);
    }
    return best;
  });
  return { labels, metrics, confidences, correct };
}

function warningsFor(
  [own, ...others]: readonly LabelMethod[],
  scores: readonly ClassScores[],
  { classes, isClassifier }: { readonly classes: readonly string[]; readonly isClassifier: boolean },
): string[] {
  const better = others.find(({ f1 }) => f1 > own!.f1);
  const never = classes.filter((_, k) => scores[k]!.support > 0 && scores[k]!.recall === 0);
  return [
    ...(better ? [`A baseline is better: ${better.name}, with an F1 of ${better.f1.toFixed(3)}.`] : []),
    ...(never.length > 0
      ? [`No ${isClassifier ? 'sample' : 'time step'} of ${never.slice(0, 5).join(', ')} is predicted correctly.`]
      : []),
  ];
}
