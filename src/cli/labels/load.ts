/** Loads the classifier or tagger in a model file. */
import type { LoadedModel } from '../../index.js';
import { type Classifier, classifierFrom, type Tagger, taggerFrom } from '../../tasks/index.js';

/** A classifier or a tagger, and the files that it was trained on. */
export interface LoadedLabeler {
  readonly labeler: Classifier | Tagger;
  /** Null if the model file does not say. */
  readonly table: string | null;
  readonly testFile: string | undefined;
  readonly decimal: string | undefined;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The classifier or tagger of a model file; null for a model of another task. */
export function labelerIn({ model, metadata }: LoadedModel): LoadedLabeler | null {
  const { task, table, testFile, decimal } = metadata;
  if (task !== 'classification' && task !== 'tagging') return null;
  const labeler = task === 'classification' ? classifierFrom([model], metadata) : taggerFrom([model], metadata);
  return { labeler, table: textOf(table) ?? null, testFile: textOf(testFile), decimal: textOf(decimal) };
}
