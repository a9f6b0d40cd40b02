import { invalidData, type UnspoolError } from '../errors.js';

/** The characters (Unicode code points) that a model knows, numbered by code point. */
export class Vocabulary {
  readonly characters: readonly string[];
  private readonly numbers: ReadonlyMap<string, number>;

  /** Throws `INVALID_DATA` for an empty list, a repeated entry, or one that is not a single code point. */
  constructor(characters: readonly string[]) {
    this.characters = characters;
    this.numbers = new Map(characters.map((c, i) => [c, i]));
    const bad = characters.find((c) => typeof c !== 'string' || [...c].length !== 1);
    if (bad !== undefined || characters.length === 0 || this.numbers.size !== characters.length) {
      throw invalidData('vocabulary', 'should be a list of at least one different single characters.');
    }
  }

  /** All characters of a text. */
  static of(text: string): Vocabulary {
    const distinct = [...new Set(text)];
    return new Vocabulary(distinct.sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  get size(): number {
    return this.characters.length;
  }

  /** Throws `INVALID_DATA` at the first character that is not known, saying which and where. */
  encode(text: string): Int32Array {
    const ids = new Int32Array(text.length);
    let count = 0;
    for (const character of text) {
      const id = this.numbers.get(character);
      if (id === undefined) throw this.unknown(character, count);
      ids[count++] = id;
    }
    return ids.slice(0, count); // fewer than UTF-16 units where code points take two
  }

  decode(ids: Iterable<number>): string {
    let text = '';
    for (const id of ids) text += this.characters[id] ?? '\uFFFD';
    return text;
  }

  /** The different characters of a text that are not known. */
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
