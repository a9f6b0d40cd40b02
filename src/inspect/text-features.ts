/** Features of a text, which units are compared with. */
import { shown } from '../checks.js';
import { invalidData } from '../errors.js';

/** A feature of a text: one number per character. */
export interface Feature {
  /** The name, as in `inside quotes`. */
  readonly name: string;
  /** The value at each character. */
  readonly values: readonly number[];
  /** What an event of the feature is, in the plural, as in `sentence ends`. Default: `rises above the mean`. */
  readonly event?: string;
  /** Whether an event occurs at each character: 1 or 0. Default: the steps at which the value rises above its mean. */
  readonly events?: readonly number[];
}

const isLetter = (c: string): boolean => /\p{L}/u.test(c);
/** 1 where `is` becomes true. */
const starts = (is: readonly boolean[]): number[] => is.map((now, t) => (now && !is[t - 1] ? 1 : 0));

/** What is counted along the text, one number per character. */
function countsOf(characters: readonly string[]) {
  const counts = { line: [], word: [], quotes: [], brackets: [], sentence: [] } as Record<
    'line' | 'word' | 'quotes' | 'brackets' | 'sentence',
    number[]
  >;
  let [column, length, inside, depth, since] = [0, 0, false, 0, 0];
  for (const c of characters) {
    column = c === '\n' ? 0 : column + 1;
    length = isLetter(c) ? length + 1 : 0;
    if (c === '"') inside = !inside;
    if (c === '\u201c') inside = true;
    if (c === '\u201d') inside = false;
    if ('([{'.includes(c)) depth++;
    if (')]}'.includes(c)) depth = Math.max(0, depth - 1);
    since = '.!?'.includes(c) ? 0 : since + 1;
    counts.line.push(column);
    counts.word.push(length);
    counts.quotes.push(inside ? 1 : 0);
    counts.brackets.push(depth);
    counts.sentence.push(since);
  }
  return counts;
}

/**
 * The features of a text: position, nesting and kind of each character. A character is included in the counts at its own position.
 * Each straight quote opens or closes a quotation. Several marks in a row, such as `?!`, end one sentence.
 */
export function textFeatures(text: string): Feature[] {
  if (typeof text !== 'string') throw invalidData('text', `must be a string, got ${shown(text)}.`);
  const characters = [...text];
  const { line, word, quotes, brackets, sentence } = countsOf(characters);
  const startsOf = (test: (c: string) => boolean): number[] => starts(characters.map(test));
  const risesOf = (counts: readonly number[]): number[] => counts.map((v, t) => (v > (counts[t - 1] ?? 0) ? 1 : 0));
  const flag = (name: string, event: string, test: (c: string) => boolean): Feature => ({
    name,
    values: characters.map((c) => (test(c) ? 1 : 0)),
    event,
    events: characters.map((c) => (test(c) ? 1 : 0)),
  });
  const counted = (name: string, values: readonly number[], event: string, events: readonly number[]): Feature => ({
    ...{ name, values, event, events },
  });
  return [
    counted(
      'position in line',
      line,
      'line ends',
      startsOf((c) => c === '\n'),
    ),
    counted('position in word', word, 'words', startsOf(isLetter)),
    counted('inside quotes', quotes, 'quotations', risesOf(quotes)),
    counted('bracket depth', brackets, 'brackets', risesOf(brackets)),
    counted(
      'characters since a sentence ended',
      sentence,
      'sentence ends',
      startsOf((c) => '.!?'.includes(c)),
    ),
    flag('space', 'spaces', (c) => c === ' '),
    flag('line end', 'line ends', (c) => c === '\n'),
    flag('vowel', 'vowels', (c) => /[aeiou]/i.test(c)),
    flag('capital letter', 'capital letters', (c) => c !== c.toLowerCase()),
    flag('digit', 'digits', (c) => /\d/.test(c)),
    flag('punctuation', 'punctuation marks', (c) => /\p{P}/u.test(c)),
  ];
}
