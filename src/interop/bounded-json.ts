/**
 * JSON from files that may be hostile. `JSON.parse` takes seconds and gigabytes for a text of 100 MB that consists of brackets, and
 * keeps only the last of two equal names. So the text is scanned first: a single pass that allocates nothing.
 */

/** Values inside values: a model's metadata may be nested, but a stack must not overflow. */
export const MAX_DEPTH = 100;
/** Names, values and brackets that a text may have. A header has 12 for each tensor. */
const MAX_PARTS = 2_000_000;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACKET, BRACE, BRACKET_END, BRACE_END] = [0x5b, 0x7b, 0x5d, 0x7d];

/** The index of the quote that ends a string; the length of the text if none does. `from` is after the first quote. */
function endOfString(bytes: Uint8Array, from: number): number {
  for (let end = bytes.indexOf(QUOTE, from); end >= 0; end = bytes.indexOf(QUOTE, end + 1)) {
    let before = end;
    while (before > from && bytes[before - 1] === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
  return bytes.length;
}

/** Why the text is not read, as the end of a sentence about it, or the number of its names. */
function scan(bytes: Uint8Array): string | number {
  let [depth, parts, names] = [0, 0, 0];
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        i = endOfString(bytes, i + 1);
        break;
      case COLON:
        names++;
        break;
      case BRACKET:
      case BRACE:
        if (++depth > MAX_DEPTH) return `is nested too deeply: more than ${MAX_DEPTH} levels`;
        parts++;
        break;
      case BRACKET_END:
      case BRACE_END:
        depth--;
        break;
      case COMMA:
        parts++;
    }
    if (parts + names > MAX_PARTS) return `has more than ${MAX_PARTS} values`;
  }
  return names;
}

/** The names of all objects in a value, and of those in it. */
function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value) as unknown[];
  let count = Array.isArray(value) ? 0 : inside.length;
  for (const part of inside) if (typeof part === 'object') count += countNames(part);
  return count;
}

/** Reads JSON from UTF-8. `wrong` receives the end of a sentence, such as `is not valid JSON`. */
export function parseBounded(bytes: Uint8Array, wrong: (problem: string) => never): unknown {
  const scanned = scan(bytes);
  if (typeof scanned === 'string') return wrong(scanned);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes)); // a copy: browsers do not decode shared memory
  } catch {
    return wrong('is not UTF-8 text');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong('is not valid JSON');
  }
  return countNames(value) === scanned ? value : wrong('has the same name twice in an object');
}
