/** The optimizers by name: one line a rule. */
import type { Optimizer, OptimizerSpec } from '../core/optimizer.js';
import { UnspoolError } from '../errors.js';
import { adam, adamW } from './adam.js';
import { sgd } from './sgd.js';

export const OPTIMIZERS = { adam, adamW, sgd } as const;
export type OptimizerKind = keyof typeof OPTIMIZERS;

/** The optimizer that a spec (as `optimizer.spec` gives it) describes. Throws `INVALID_SETTING`. */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  const { kind, ...settings } = spec;
  if (!Object.hasOwn(OPTIMIZERS, kind)) {
    throw new UnspoolError({
      code: 'INVALID_SETTING',
      path: 'optimizer',
      problem: `"${kind}" is no optimizer.`,
      help: `Use one of ${Object.keys(OPTIMIZERS).join(', ')}.`,
    });
  }
  const optimizer = OPTIMIZERS[kind as OptimizerKind](settings);
  const unread = Object.keys(settings).find((key) => !Object.hasOwn(optimizer.spec, key));
  if (unread === undefined) return optimizer;
  throw new UnspoolError({
    code: 'INVALID_SETTING',
    path: `optimizer.${unread}`,
    problem: `is no setting of ${kind}.`,
    help: `It has ${Object.keys(optimizer.spec).slice(1).join(', ')}.`,
  });
}
