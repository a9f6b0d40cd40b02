import { requireList, shown } from '../checks.js';
import { invalidData, type UnspoolError } from '../errors.js';

/** Throws `INVALID_DATA` unless `text` is a string. */
export function requireText(text: unknown): asserts text is string {
  if (typeof text === 'string') return;
  const help = ArrayBuffer.isView(text) ? "Read the file as text: readFile(path, 'utf8')." : undefined;
  throw invalidData('text', `must be a string, got ${shown(text)}.`, help);
}

/** A pair of two UTF-16 units, or half of one. All other characters have one unit. */
const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

/** The different characters of a text. */
function distinct(text: string): string[] {
  const seen = new Uint8Array(1 << 16);
  const found = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (seen[unit]) continue;
    const character = String.fromCodePoint(text.codePointAt(at)!);
    found.add(character);
    if (!isSurrogate(unit)) seen[unit] = 1;
    else if (character.length > 1) at++;
  }
  return [...found];
}

/** The characters (Unicode code points) that a model knows. A character's token is its index. */
export class Vocabulary {
  readonly characters: readonly string[];
  private readonly numbers: ReadonlyMap<string, number>;
  /** The tokens of characters of one UTF-16 unit, by unit; -1 for others. Made by the first `encode`. */
  private units: Int32Array | null = null;

  /** Throws `INVALID_DATA` if the list is empty, or an entry is repeated or not a single code point. */
  constructor(characters: readonly string[]) {
    const list: readonly unknown[] = Array.isArray(characters) ? [...characters] : [];
    this.characters = list as readonly string[];
    this.numbers = new Map(this.characters.map((c, i) => [c, i]));
    const isCharacter = (c: unknown): boolean => typeof c === 'string' && [...c].length === 1;
    if (list.length === 0 || this.numbers.size !== list.length || !list.every(isCharacter)) {
      throw invalidData('vocabulary', 'must be a non-empty list of different single characters.');
    }
  }

  /** Returns the vocabulary of all characters of a text, sorted by code point. */
  static of(text: string): Vocabulary {
    requireText(text);
    return new Vocabulary(distinct(text).sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  /** The number of characters. */
  get size(): number {
    return this.characters.length;
  }

  /** Returns the tokens of a text. Throws `INVALID_DATA` with the first unknown character and its position. */
  encode(text: string): Int32Array {
    requireText(text);
    this.units ??= this.tokensByUnit();
    const { units } = this;
    const ids = new Int32Array(text.length);
    let count = 0;
    for (let at = 0; at < text.length; at++) {
      let id = units[text.charCodeAt(at)]!;
      if (id < 0) {
        const character = String.fromCodePoint(text.codePointAt(at)!);
        id = this.numbers.get(character) ?? -1;
        if (id < 0) throw unknownCharacter(this, character, count);
        at += character.length - 1;
      }
      ids[count++] = id;
    }
    return count === ids.length ? ids : ids.slice(0, count); // shorter if some code points have two units
  }

  private tokensByUnit(): Int32Array {
    const units = new Int32Array(1 << 16).fill(-1);
    for (const [id, character] of this.characters.entries()) {
      const unit = character.charCodeAt(0);
      if (!isSurrogate(unit)) units[unit] = id;
    }
    return units;
  }

  /** Returns the text of tokens. An unknown token becomes U+FFFD. Throws `INVALID_DATA` for what is not an integer. */
  decode(ids: Iterable<number>): string {
    if (ArrayBuffer.isView(ids) || typeof ids?.[Symbol.iterator] !== 'function') requireList('tokens', ids);
    let text = '';
    let at = 0;
    for (const id of ids) {
      if (!Number.isInteger(id)) throw invalidData(`tokens[${at}]`, `must be an integer, got ${shown(id)}.`);
      text += this.characters[id] ?? '\uFFFD';
      at++;
    }
    return text;
  }

  /** Returns the characters of a text that are not in the vocabulary, each once. */
  unknownIn(text: string): string[] {
    requireText(text);
    return distinct(text).filter((c) => !this.numbers.has(c));
  }
}

/** The error for character `at` (from 0) of a text, which a vocabulary does not have. */
export function unknownCharacter({ characters }: Vocabulary, character: string, at: number): UnspoolError {
  const known = characters.filter((c) => c > ' ').join('');
  return invalidData(
    'text',
    `the model does not know the character ${JSON.stringify(character)} (character ${at + 1} of the text).`,
    `It knows white space and ${known.length > 200 ? `${known.slice(0, 200)}...` : known}`,
  );
}
