/** Every instruction of `Kernels` by shapes and settings: what a backend is asked, and what the oracle says. */
import type { Kernels } from '../../../src/core/kernels.js';
import { cell } from './cell.js';
import { cellHalves } from './cell-halves.js';
import { losses } from './losses.js';
import { memory } from './memory.js';
import { noise } from './noise.js';
import { products } from './products.js';
import { rows } from './rows.js';
import type { Case } from './shared.js';
import { updates } from './updates.js';

/** `host` is no instruction: a backend may answer null. */
export type Instruction = Exclude<keyof Kernels, 'name' | 'variant' | 'threads' | 'precision' | 'host' | 'dispose'>;

/** One entry an instruction: the type makes a missing one an error. */
export const CASES: Readonly<Record<Instruction, readonly Case[]>> = {
  ...memory,
  ...products,
  ...rows,
  ...cell,
  ...cellHalves,
  ...noise,
  ...losses,
  ...updates,
};
