/** Models that read and write text. */
import { type LoadedModel, UnspoolError, type Vocabulary } from '../index.js';

/** The vocabulary of a model file. Throws `INVALID_FILE` for a model without one. */
export function requireVocabulary(file: string, { vocabulary }: LoadedModel): Vocabulary {
  if (vocabulary) return vocabulary;
  throw new UnspoolError({
    code: 'INVALID_FILE',
    file,
    problem: 'this model has no vocabulary, so it cannot read or write text.',
    help: 'Use a model that was saved by "unspool train".',
  });
}

/** Returns what `act` returns. In its `INVALID_DATA` errors, the data is called `name`, such as the path of a file. */
export function withDataName<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'INVALID_DATA') throw error;
    throw new UnspoolError({ ...error.problem, what: name });
  }
}
