/**
 * The options of all commands and the keys of all configuration files: types, defaults, ranges, choices and former names, one line
 * each, as in fixtures/options.json. They are an interface for users. Add new ones there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { COMMANDS } from '../../src/cli/commands.js';
import { FORECAST_CONFIG } from '../../src/cli/forecast/settings.js';
import { LABEL_CONFIG } from '../../src/cli/labels/settings.js';
import type { Setting, Settings } from '../../src/cli/settings.js';
import { CONFIG_SETTINGS } from '../../src/cli/train/settings.js';

const KNOWN = JSON.parse(readFileSync(join(__dirname, 'fixtures/options.json'), 'utf8')) as Record<string, string[]>;

function line(key: string, { help: _, group: __, placeholder: ___, fit: ____, ...one }: Setting<unknown>): string {
  const given = Object.entries(one)
    .filter(([, value]) => value !== undefined)
    .sort();
  return `${key}: ${given.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ')}`;
}

const linesOf = (table: Settings): string[] => Object.entries(table).map(([key, one]) => line(key, one));

const FOUND: Record<string, string[]> = {
  ...Object.fromEntries(
    COMMANDS.map(({ name, options, savesFiles }) => [name, [`savesFiles ${savesFiles === true}`, ...linesOf(options)]]),
  ),
  'configuration of a language model': linesOf(CONFIG_SETTINGS),
  'configuration of a forecaster': linesOf(FORECAST_CONFIG),
  'configuration of a classifier or a tagger': linesOf(LABEL_CONFIG),
};

test.each(Object.keys(KNOWN))('%s', (name) => {
  expect(FOUND[name]).toEqual(expect.arrayContaining(KNOWN[name]!));
});
