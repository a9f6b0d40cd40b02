/** The instructions that compute. Those of memory are in memory.ts. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { cells } from './cell.js';
import { cellHalves } from './cell-halves.js';
import { elements } from './elements.js';
import { losses } from './losses.js';
import { noise } from './noise.js';
import { layerNorms } from './norm.js';
import { products } from './products.js';
import { rows } from './rows.js';
import { updates } from './updates.js';

/** All instructions that compute, over a recorder. */
export const computing = (rec: Recorder) =>
  ({
    ...products(rec),
    ...rows(rec),
    ...elements(rec),
    ...noise(rec),
    ...cells(rec),
    ...cellHalves(rec),
    ...layerNorms(rec),
    ...losses(rec),
    ...updates(rec),
  }) satisfies Partial<Kernels>;
