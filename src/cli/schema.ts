/** JSON Schemas of the configuration files, from the tables of settings. `schemas/` in the package has them. */
import { FORECAST_CONFIG } from './forecast/settings.js';
import { LABEL_CONFIG } from './labels/settings.js';
import type { Setting, Settings } from './settings.js';
import { CONFIG_SETTINGS } from './train/settings.js';
import { STUDY_JOBS, type StudyTask } from './tune/jobs.js';

type Schema = Readonly<Record<string, unknown>>;

const TYPES = { integer: 'integer', number: 'number', text: 'string', flag: 'boolean', object: 'object' } as const;

/** The schema of one setting. */
function settingSchema({
  type,
  help,
  min,
  max,
  choices,
  mayBeObject,
  default: initial,
  defaultText,
}: Setting<unknown>): Schema {
  const value = {
    type: TYPES[type],
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
    ...(choices && { enum: choices }),
  };
  const shown = initial ?? (Number.isNaN(Number(defaultText)) ? defaultText : Number(defaultText));
  return {
    ...(mayBeObject ? { anyOf: [value, { type: 'object' }] } : value),
    description: help,
    ...(shown !== undefined && { default: shown }),
  };
}

const NUMBER = { type: 'number' } as const;

/** What a setting may be instead of a value, in a configuration of `unspool tune`. */
const SEARCHED: readonly Schema[] = [
  {
    type: 'object',
    description: 'a range of numbers',
    properties: {
      ...{ from: NUMBER, to: NUMBER, integer: { type: 'boolean' } },
      scale: { type: 'string', enum: ['linear', 'log'], default: 'linear' },
      points: { type: 'integer', minimum: 1, maximum: 1000, description: 'values in a grid search', default: 3 },
    },
    required: ['from', 'to'],
    additionalProperties: false,
  },
  {
    type: 'object',
    description: 'a list of values',
    properties: { choices: { type: 'array', minItems: 1 } },
    required: ['choices'],
    additionalProperties: false,
  },
];

function searchable({ description, default: initial, ...value }: Schema): Schema {
  return { description, ...(initial !== undefined && { default: initial }), anyOf: [value, ...SEARCHED] };
}

function schemaOf(title: string, table: Settings, shared: readonly string[] | null = null): Schema {
  const properties = Object.entries(table).map(([key, one]): [string, Schema] => {
    const schema = settingSchema(one);
    return [key, shared && !shared.includes(key) ? searchable(schema) : schema];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(properties) },
    additionalProperties: false,
  };
}

const studySchema = (what: string, task: StudyTask): Schema =>
  schemaOf(`Configuration of unspool tune for ${what}`, STUDY_JOBS[task].settings, STUDY_JOBS[task].shared);

/** The schemas by the names of their files. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  'train.schema.json': schemaOf('Configuration of unspool train for a text', CONFIG_SETTINGS),
  'forecast.schema.json': schemaOf('Configuration of unspool train for a table', FORECAST_CONFIG),
  'label.schema.json': schemaOf('Configuration of unspool train for classification and tagging', LABEL_CONFIG),
  'tune.schema.json': studySchema('a text', 'language-model'),
  'tune-forecast.schema.json': studySchema('a table', 'forecasting'),
  'tune-label.schema.json': studySchema('classification and tagging', 'classification'),
};
