import { invalidSetting } from '../errors.js';
import { UnspoolError } from '../index.js';

/** A JSON object with no other keys than `known`. Throws `INVALID_FILE`, or `INVALID_SETTING` for an unknown key. */
export function parseConfig(file: string, text: string, known: readonly string[]): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem: `this is no JSON: ${(error as Error).message}.` });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem: 'it should hold one JSON object.' });
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw invalidSetting(`${file}: ${unknown}`, 'is no known setting.', `Known here: ${known.join(', ')}.`);
  }
  return value as Record<string, unknown>;
}
