/** K-fold cross-validation: the same settings, trained and tested on each of several splits. */
import { isObject, requireInteger, requireOptions, shown } from '../checks.js';
import type { ClassificationOptions, TaggingOptions } from '../data/sequences/options.js';
import { prepareSequences } from '../data/sequences/pipeline.js';
import { Table } from '../data/table/table.js';
import { invalidSetting } from '../errors.js';
import { LabeledData } from './sequences.js';

/** Options of `kFolds`. */
export interface KFoldsOptions {
  /** Number of folds, from 2 to 1000. Default 5. */
  readonly folds?: number;
}

/**
 * The folds of a cross-validation of a classifier (`options.label`) or a tagger (`options.tags`). The samples of `options.test` are left
 * out, so they stay unseen. Of the others, each is in the test part of exactly one fold; classes have the same shares in all folds,
 * and groups stay together. Vocabulary and scalers are fitted for each fold. To compare settings, train on each fold, and average the
 * losses of `testLabeler`. Throws `INVALID_SETTING`, and `INVALID_DATA` if there are too few samples.
 *
 * @example
 * const losses = [];
 * for (const fold of kFolds(table, { text: 'name', label: 'sex' }, { folds: 5 })) {
 *   const classifier = await trainClassifier(fold);
 *   losses.push((await testLabeler(classifier, fold, { baselines: false })).loss);
 * }
 */
export function kFolds(
  table: Table,
  options: ClassificationOptions | TaggingOptions,
  given: KFoldsOptions = {},
): LabeledData[] {
  if (!(table instanceof Table)) {
    throw invalidSetting('table', `must be a table, got ${shown(table)}.`, 'A plain text has one validation part.');
  }
  requireOptions('given', given, ['folds']);
  const { folds = 5 } = given;
  requireInteger('given.folds', folds, 2, 1000);
  if (isObject(options) && options.folds !== undefined) {
    throw invalidSetting('options.folds', 'has no effect here.', 'Give the number of folds as { folds }.');
  }
  const task = isObject(options) && 'label' in options ? 'classification' : 'tagging';
  return Array.from({ length: folds }, (_, i) => {
    return new LabeledData(prepareSequences({ task, source: table, options, among: { folds, fold: i + 1 } }));
  });
}
