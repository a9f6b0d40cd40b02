/** Simple predictions to compare a classifier or a tagger with, fitted on the same training part. */

import { largestOf } from '../data/sequences/largest.js';
import { NO_SPACE, SPACE } from '../data/sequences/read.js';
import type { EncodedSample } from '../data/sequences/source.js';
import { naiveBayes } from './naive-bayes.js';
import { Dictionary } from './segmentation.js';
import { countsOf, type LabeledData } from './sequences.js';

/** A baseline: the number of the label of each row of a sample, one for a class or one per time step. */
export interface LabelBaseline {
  readonly name: string;
  predict(sample: EncodedSample): ArrayLike<number>;
}

function majority({ train, pipeline }: LabeledData): LabelBaseline {
  const { classes, rules } = pipeline;
  const counts = countsOf(train, classes.length);
  const best = largestOf(counts, 0, classes.length);
  const what = pipeline.kind === 'classification' ? 'class' : 'tag';
  return {
    name: `most frequent ${what}`,
    predict: ({ sample }) => new Int32Array(rules.perStep ? sample.steps : 1).fill(best),
  };
}

/** The most frequent tag of each token in the training part. */
function tagOfToken({ train, pipeline }: LabeledData): LabelBaseline {
  const C = pipeline.classes.length;
  const counts = new Map<number, Float64Array>();
  const all = new Float64Array(C);
  for (const { inputs, targets } of train.samples) {
    targets.forEach((tag, t) => {
      const own = counts.get(inputs[t]!) ?? new Float64Array(C);
      own[tag]!++;
      all[tag]!++;
      counts.set(inputs[t]!, own);
    });
  }
  const unit = pipeline.settings.units === 'words' ? 'word' : 'character';
  return {
    name: `most frequent tag of each ${unit}`,
    predict: ({ inputs }) => Int32Array.from(inputs, (token) => largestOf(counts.get(token) ?? all, 0, C)),
  };
}

/** The words of the training part of a plain text. */
function wordsOf({ train, pipeline }: LabeledData): string[] {
  const space = pipeline.classes.indexOf(SPACE);
  const words: string[] = [];
  let word = '';
  // The samples of the training part are consecutive.
  for (const { sample, targets } of train.samples) {
    sample.tokens.forEach((token, t) => {
      word += token;
      if (targets[t] !== space) return;
      words.push(word);
      word = '';
    });
  }
  return words;
}

function dictionaries(data: LabeledData): LabelBaseline[] {
  const { classes } = data.pipeline;
  const [space, none] = [classes.indexOf(SPACE), classes.indexOf(NO_SPACE)];
  const dictionary = new Dictionary(wordsOf(data));
  return ([1, 2] as const).map((order) => ({
    name: `dictionary, ${order === 1 ? 'unigrams' : 'bigrams'} (Viterbi)`,
    predict({ sample }) {
      const tags = new Int32Array(sample.steps).fill(none);
      for (const end of dictionary.ends(sample.tokens, order)) tags[end] = space;
      return tags;
    },
  }));
}

/** The baselines of a task: the most frequent label, and what is usual for texts. */
export function labelBaselines(data: LabeledData): LabelBaseline[] {
  const { kind, settings, classes, isPlain } = data.pipeline;
  if (isPlain) return [majority(data), ...dictionaries(data)];
  if (settings.text === null) return [majority(data)];
  if (kind === 'tagging') return [majority(data), tagOfToken(data)];
  const bayes = naiveBayes(data.train.samples, data.validation?.samples ?? [], classes.length);
  return [majority(data), { name: bayes.name, predict: (sample) => [bayes.predict(sample)] }];
}
