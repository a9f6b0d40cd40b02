/** The registry of optimizers, and optimizers from JSON. */
import { isObject, requireChoice } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { groupedFrom } from './grouped.js';
import { OPTIMIZER_NAMES, type OptimizerKind } from './names.js';
import type { Optimizer, OptimizerSettings } from './optimizer.js';
import * as rules from './rules.js';

export type { OptimizerKind } from './names.js';

/** The functions that create optimizers, by name. */
export const OPTIMIZERS = { ...rules } as const satisfies Readonly<Record<OptimizerKind, unknown>>;

/**
 * Creates an optimizer from its name or from its name and settings; `optimizer.spec` is such a spec. Throws
 * `INVALID_SETTING`.
 */
export function createOptimizer(spec: OptimizerKind | OptimizerSettings): Optimizer {
  return create(spec, 0);
}

/** `depth`: the number of parameter groups that contain this optimizer. */
function create(spec: unknown, depth: number): Optimizer {
  const { kind, ...settings }: Readonly<Record<string, unknown>> = isObject(spec) ? spec : { kind: spec };
  const path = depth === 0 ? 'optimizer' : 'grouped.optimizer';
  if (depth > 100) throw invalidSetting(path, 'is nested too deeply.', 'Groups may contain groups 100 times.');
  if (kind === 'grouped') return groupedFrom(settings, (inner) => create(inner, depth + 1));
  requireChoice(path, kind, [...OPTIMIZER_NAMES, 'grouped']);
  return (OPTIMIZERS[kind as OptimizerKind] as (settings: object) => Optimizer)(settings);
}
