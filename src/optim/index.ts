/** The optimizers by name: one line a rule. */

import { invalidSetting, isKeyOf, shown } from '../errors.js';
import { adadelta } from './adadelta.js';
import { adagrad } from './adagrad.js';
import { adam, adamW, amsgrad } from './adam.js';
import { groupedFrom } from './grouped.js';
import { lamb } from './lamb.js';
import { lion } from './lion.js';
import { nadam } from './nadam.js';
import type { Optimizer, OptimizerSpec } from './optimizer.js';
import { radam } from './radam.js';
import { rmsprop } from './rmsprop.js';
import { type SgdSettings, sgd } from './sgd.js';

export const OPTIMIZERS = { adadelta, adagrad, adam, adamW, amsgrad, lamb, lion, nadam, radam, rmsprop, sgd } as const;
export type OptimizerKind = keyof typeof OPTIMIZERS;

function none(kind: unknown): never {
  throw invalidSetting(
    'optimizer',
    `${shown(kind)} is no optimizer.`,
    `Use one of ${Object.keys(OPTIMIZERS).join(', ')}, grouped.`,
  );
}

/** The optimizer that a spec (as `optimizer.spec` gives it) describes. Throws `INVALID_SETTING`. */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  if (typeof spec !== 'object' || spec === null) return none(spec);
  const { kind, ...settings } = spec;
  if (kind === 'grouped') return groupedFrom(settings, createOptimizer);
  if (!isKeyOf(OPTIMIZERS, kind)) return none(kind);
  const make = OPTIMIZERS[kind] as (settings: SgdSettings) => Optimizer;
  const optimizer = make(settings as unknown as SgdSettings);
  const unread = Object.keys(settings).find((key) => !isKeyOf(optimizer.spec, key));
  if (unread === undefined) return optimizer;
  throw invalidSetting(
    `optimizer.${unread}`,
    `is no setting of ${kind}.`,
    `It has ${Object.keys(optimizer.spec).slice(1).join(', ')}.`,
  );
}
