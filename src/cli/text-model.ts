/** Models that read and write text. */
import { type LoadedModel, type Metadata, UnspoolError, type Vocabulary } from '../index.js';

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
  const renamed = (error: unknown): never => {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'INVALID_DATA') throw error;
    throw new UnspoolError({ ...error.problem, what: name });
  };
  try {
    const result = act();
    return result instanceof Promise ? (result.catch(renamed) as T) : result;
  } catch (error) {
    return renamed(error);
  }
}

/** Characters that a model reads before it writes without a prompt. */
const CONTEXT = 64;
/** Where a text may begin, best first: after a line, a sentence, a word. */
const BOUNDARIES: readonly RegExp[] = [/\n/g, /[.!?]["'”’)\]]* /g, / /g];

/**
 * What a model reads before it writes without a prompt: up to 64 characters of the training text that end where a line ends, or else
 * a sentence, a word, or anywhere. A single character that is rare in the text would start it in a state that it never learned.
 */
export function contextIn(text: string): string {
  for (const boundary of BOUNDARIES) {
    const ends = Array.from(text.matchAll(boundary), ({ 0: end, index }) => index + end.length);
    const end = ends.find((at) => at >= CONTEXT) ?? ends.at(-1);
    if (end !== undefined) return lastOf(text.slice(0, end));
  }
  return [...text].slice(0, CONTEXT).join('');
}

const lastOf = (text: string): string => [...text].slice(-CONTEXT).join('');

/** The context of a model file. Files that other programs or older versions saved have none: then a frequent separator. */
export function contextOf({ metadata, vocabulary }: { metadata: Metadata; vocabulary: Vocabulary }): string {
  const { context } = metadata;
  if (typeof context === 'string' && context !== '' && vocabulary.unknownIn(context).length === 0) return context;
  return ['\n', '. ', ' '].find((text) => vocabulary.unknownIn(text).length === 0) ?? vocabulary.characters[0]!;
}
