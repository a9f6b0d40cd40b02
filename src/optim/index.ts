/** The registry of optimizers, and optimizers from JSON. */
import { isKeyOf, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { groupedFrom } from './grouped.js';
import type { Optimizer, OptimizerSpec } from './optimizer.js';
import * as rules from './rules.js';

/** The functions that create optimizers, by name. */
export const OPTIMIZERS = { ...rules } as const;

/** Name of an optimizer. */
export type OptimizerKind = keyof typeof OPTIMIZERS;

/** Creates the optimizer that a spec describes; `optimizer.spec` is such a spec. Throws `INVALID_SETTING`. */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  if (typeof spec !== 'object' || spec === null) return rejectKind(spec);
  const { kind, ...settings } = spec;
  if (kind === 'grouped') return groupedFrom(settings, createOptimizer);
  if (!isKeyOf(OPTIMIZERS, kind)) return rejectKind(kind);
  const create = OPTIMIZERS[kind] as (settings: object) => Optimizer;
  const optimizer = create(settings);
  const unknown = Object.keys(settings).find((key) => !isKeyOf(optimizer.spec, key));
  if (unknown === undefined) return optimizer;
  throw invalidSetting(
    `optimizer.${unknown}`,
    `unknown setting of ${kind}.`,
    `Its settings are ${Object.keys(optimizer.spec).slice(1).join(', ')}.`,
  );
}

function rejectKind(kind: unknown): never {
  throw invalidSetting(
    'optimizer',
    `unknown optimizer ${shown(kind)}.`,
    `Use one of ${Object.keys(OPTIMIZERS).join(', ')}, grouped.`,
  );
}
