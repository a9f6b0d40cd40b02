/** All estimators by name, and how to read one from a command line or a JSON file. */
import { didYouMean, isKeyOf, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import type { EstimatorInfo, GradientEstimator } from './estimator.js';
import * as methods from './methods/index.js';

/** A function that makes an estimator from its settings, with a description of both. */
export type EstimatorFactory = EstimatorInfo & ((settings: never) => GradientEstimator);

/** @__NO_SIDE_EFFECTS__ */
function byName(): Readonly<Record<string, EstimatorFactory>> {
  const entries = Object.entries<EstimatorFactory>(methods);
  return Object.fromEntries(entries.sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
}

/** Every estimator by name, in alphabetical order: `ESTIMATORS.tbptt.summary`. */
export const ESTIMATORS: Readonly<Record<string, EstimatorFactory>> = byName();

/**
 * Makes an estimator from text: `NAME` or `NAME:setting=number,...`, such as `tbptt:k1=16,k2=64`. Throws `INVALID_SETTING`.
 */
export function parseEstimator(text: string): GradientEstimator {
  if (typeof text !== 'string') throw invalidSetting('estimator', `must be text, got ${shown(text)}.`);
  const [, name = '', rest] = /^([^:]*)(?::(.*))?$/s.exec(text)!;
  const factory = isKeyOf(ESTIMATORS, name) ? ESTIMATORS[name]! : null;
  if (!factory) {
    throw invalidSetting(
      'estimator',
      `unknown estimator "${name}".${didYouMean(name, Object.keys(ESTIMATORS))}`,
      `Use one of ${Object.keys(ESTIMATORS).join(', ')}.`,
    );
  }
  const { settings: known, optional } = factory;
  const pattern = known.map((key) => `${key}=NUMBER`).join(',');
  const help = pattern ? `Write ${name}:${pattern}.` : `${name} has no settings.`;
  const settings: Record<string, number> = {};
  for (const part of rest ? rest.split(',') : []) {
    const [key = '', value] = part.split('=');
    const number = value?.trim() ? Number(value) : Number.NaN;
    if (!known.includes(key) || Number.isNaN(number)) {
      const meant = known.includes(key) ? '' : didYouMean(key, known);
      throw invalidSetting(`estimator ${name}`, `unknown or invalid setting "${part}".${meant}`, help);
    }
    if (key in settings) throw invalidSetting(`estimator ${name}`, `sets ${key} twice.`, help);
    settings[key] = number;
  }
  const missing = known.filter((key) => !(key in settings) && !optional.includes(key));
  if (missing.length > 0) throw invalidSetting(`estimator ${name}`, `needs ${missing.join(' and ')}.`, help);
  return factory(settings as never);
}
