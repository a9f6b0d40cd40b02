/** Config files: JSON with the settings of a table. */

import { isObject } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { UnspoolError } from '../index.js';
import { readText } from '../node/index.js';
import { problemWith, type Settings, suggestionFor, type ValuesOf } from './settings.js';

/** Throws `INVALID_SETTING` for a value that its setting does not allow. `where` comes before the name in the message. */
export function requireValues(where: string, values: object, table: Settings): void {
  for (const [key, value] of Object.entries(values)) {
    const problem = table[key] ? problemWith(table[key], value) : null;
    if (problem !== null) throw invalidSetting(`${where}${key}`, problem);
  }
}

/** Throws `INVALID_SETTING` for a key that is not in the table, with a suggestion. */
export function requireKnownKeys(file: string, values: object, table: Settings): void {
  const known = Object.keys(table);
  const unknown = Object.keys(values).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const renamed = Object.entries(table).find(([, { formerName }]) => formerName === unknown)?.[0];
  const help = renamed ? ` It is now called "${renamed}".` : suggestionFor(unknown, table);
  throw invalidSetting(file, `unknown setting "${unknown}".`, `${help || `Settings: ${known.join(', ')}.`}`.trim());
}

/** The JSON object in a file, without `$schema`, which editors use. Throws `FILE_ACCESS` and `INVALID_FILE`. */
export async function readJsonObject(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(file);
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    const problem = `not valid JSON: ${(error as Error).message}.`;
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem });
  }
  if (isObject(values) && !Array.isArray(values)) {
    const { $schema: _, ...settings } = values;
    return settings;
  }
  throw new UnspoolError({ code: 'INVALID_FILE', file, problem: 'expected one JSON object with settings.' });
}

/** The settings in a config file. Throws `INVALID_FILE` or `INVALID_SETTING`, also for a key that is not in the table. */
export async function readConfig<S extends Settings>(file: string, table: S): Promise<Partial<ValuesOf<S>>> {
  const values = await readJsonObject(file);
  requireKnownKeys(file, values, table);
  requireValues(`${file}: `, values, table);
  return values as Partial<ValuesOf<S>>;
}
