/** Every instruction of `Kernels` by shapes and settings: what a backend is asked, and what the oracle says. */
import type { Kernels } from '../../../src/contract/kernels.js';
import { cell } from './cell.js';
import { cellHalves } from './cell-halves.js';
import { elements } from './elements.js';
import { losses } from './losses.js';
import { memory } from './memory.js';
import { noise } from './noise.js';
import { norms } from './norm.js';
import { products } from './products.js';
import { rows } from './rows.js';
import type { Case } from './shared.js';
import { updates } from './updates.js';

/** The members of a backend that are not instructions. */
type Description =
  | 'name'
  | 'variant'
  | 'reason'
  | 'threads'
  | 'threadsReason'
  | 'native'
  | 'precision'
  | 'partialRows'
  | 'requireFits'
  | 'loadVariants'
  | 'host'
  | 'dispose';
export type Instruction = Exclude<keyof Kernels, Description>;

/** The cases of each instruction. An instruction without cases is a type error. */
export const CASES: Readonly<Record<Instruction, readonly Case[]>> = {
  ...memory,
  ...products,
  ...rows,
  ...elements,
  ...cell,
  ...cellHalves,
  ...noise,
  ...norms,
  ...losses,
  ...updates,
};
