import { invalidData, type UnspoolError } from '../errors.js';

/** The characters (Unicode code points) that a model knows. A character's token is its index. */
export class Vocabulary {
  readonly characters: readonly string[];
  private readonly numbers: ReadonlyMap<string, number>;

  /** Throws `INVALID_DATA` if the list is empty, or an entry is repeated or not a single code point. */
  constructor(characters: readonly string[]) {
    this.characters = characters;
    this.numbers = new Map(characters.map((c, i) => [c, i]));
    const bad = characters.find((c) => typeof c !== 'string' || [...c].length !== 1);
    if (bad !== undefined || characters.length === 0 || this.numbers.size !== characters.length) {
      throw invalidData('vocabulary', 'must be a non-empty list of different single characters.');
    }
  }

  /** Returns the vocabulary of all characters of a text, sorted by code point. */
  static of(text: string): Vocabulary {
    const distinct = [...new Set(text)];
    return new Vocabulary(distinct.sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  /** The number of characters. */
  get size(): number {
    return this.characters.length;
  }

  /** Returns the tokens of a text. Throws `INVALID_DATA` with the first unknown character and its position. */
  encode(text: string): Int32Array {
    const ids = new Int32Array(text.length);
    let count = 0;
    for (const character of text) {
      const id = this.numbers.get(character);
      if (id === undefined) throw this.unknown(character, count);
      ids[count++] = id;
    }
    return ids.slice(0, count); // shorter if some code points have two UTF-16 units
  }

  /** Returns the text of tokens. An unknown token becomes U+FFFD. */
  decode(ids: Iterable<number>): string {
    let text = '';
    for (const id of ids) text += this.characters[id] ?? '\uFFFD';
    return text;
  }

  /** Returns the characters of a text that are not in the vocabulary, each once. */
  unknownIn(text: string): string[] {
    return [...new Set(text)].filter((c) => !this.numbers.has(c));
  }

  private unknown(character: string, at: number): UnspoolError {
    const known = this.characters.filter((c) => c > ' ').join('');
    return invalidData(
      'text',
      `the model does not know the character ${JSON.stringify(character)} (character ${at + 1} of the text).`,
      `It knows white space and ${known.length > 200 ? `${known.slice(0, 200)}...` : known}`,
    );
  }
}
