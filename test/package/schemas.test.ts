/** The JSON Schemas of the configuration files: they are those of the tables, and agree with the commands about what is valid. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/cli/config.js';
import { SCHEMAS } from '../../src/cli/schema.js';
import { CONFIG_SETTINGS, DEFAULTS } from '../../src/cli/train/settings.js';
import { readStudyConfig } from '../../src/cli/tune/config.js';

const ROOT = join(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'unspool-schemas-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

const typeOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : Number.isInteger(value) ? 'integer' : typeof value;

/** What JSON Schema says about a value, for the keywords that these schemas use. */
function isValid(schema: Schema, value: unknown): boolean {
  const { type, anyOf, minimum, maximum, minItems, properties, required = [], additionalProperties } = schema;
  const found = typeOf(value);
  if (type !== undefined && type !== found && !(type === 'number' && found === 'integer')) return false;
  if (schema.enum && !schema.enum.includes(value)) return false;
  if (anyOf && !anyOf.some((one) => isValid(one, value))) return false;
  if (typeof value === 'number' && (value < (minimum ?? value) || value > (maximum ?? value))) return false;
  if (Array.isArray(value) && value.length < (minItems ?? 0)) return false;
  if (found !== 'object') return true;
  const entries = Object.entries(value as object);
  if (!required.every((key) => entries.some(([name]) => name === key))) return false;
  return entries.every(([key, part]) =>
    properties?.[key] ? isValid(properties[key], part) : additionalProperties !== false,
  );
}

const schemaIn = (name: string): Schema => JSON.parse(readFileSync(join(ROOT, 'schemas', name), 'utf8')) as Schema;

test('schemas/ has the schemas of the tables (UPDATE_SCHEMAS=1 npx jest test/package/schemas writes them)', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    const text = `${JSON.stringify(schema, null, 2)}\n`;
    if (process.env.UPDATE_SCHEMAS) writeFileSync(join(ROOT, 'schemas', name), text);
    expect(readFileSync(join(ROOT, 'schemas', name), 'utf8')).toBe(text);
  }
  expect(readdirSync(join(ROOT, 'schemas')).sort()).toEqual(Object.keys(SCHEMAS).sort());
});

test('package.json ships them', () => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  expect(files).toContain('schemas');
});

test.each(['moby-dick.json', 'moby-dick-512.json'])('examples/%s is valid', (file) => {
  expect(isValid(schemaIn('train.schema.json'), JSON.parse(readFileSync(join(ROOT, 'examples', file), 'utf8')))).toBe(
    true,
  );
});

describe('a schema accepts what the command accepts', () => {
  const write = (config: object): string => {
    const file = join(folder, 'c.json');
    writeFileSync(file, JSON.stringify(config));
    return file;
  };

  test.each<[object, boolean]>([
    [{}, true],
    [DEFAULTS, true],
    [{ $schema: './train.schema.json', text: 'novel.txt', asText: true, backend: 'wasm', threads: 2 }, true],
    [
      { optimizer: { kind: 'adamW', learningRate: 0.1 }, schedule: 'cosine', average: { kind: 'ema', decay: 0.9 } },
      true,
    ],
    [{ learningRate: 0.1 }, false],
    [{ lr: -1 }, false],
    [{ lr: '0.1' }, false],
    [{ layers: 1.5 }, false],
    [{ dropout: 1 }, false],
    [{ keep: 'worst' }, false],
    [{ asText: 'yes' }, false],
    [{ optimizer: 3 }, false],
    [{ lstm: [] }, false],
    [{ lr: { from: 0.1, to: 1 } }, false],
  ])('of unspool train: %j is valid: %s', async (config, valid) => {
    expect(isValid(schemaIn('train.schema.json'), config)).toBe(valid);
    const read = readConfig(write(config), CONFIG_SETTINGS);
    expect(
      await read.then(
        () => true,
        () => false,
      ),
    ).toBe(valid);
  });

  test.each<[object, boolean]>([
    [JSON.parse(readFileSync(join(ROOT, 'examples/search.json'), 'utf8')) as object, true],
    [{ lr: { from: 0.1, to: 1, scale: 'log', points: 4 }, text: 'a' }, true],
    [{ lr: { from: 0.1 } }, false],
    [{ layers: { choices: 3 } }, false],
    [{ text: { choices: ['a'] } }, false],
  ])('of unspool tune: %j is valid: %s', async (config, valid) => {
    expect(isValid(schemaIn('tune.schema.json'), config)).toBe(valid);
    expect(
      await readStudyConfig(write(config)).then(
        () => true,
        () => false,
      ),
    ).toBe(valid);
  });
});
