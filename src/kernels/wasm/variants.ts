/**
 * The instructions that plain LSTMs and the common losses do not need: the halves of the cell, layer normalization, noise and
 * CTC, and what sequences of unequal lengths need to know. This file and its WebAssembly module are loaded on demand.
 */
import type { WasmContext } from './context.js';
import type { VariantExports } from './exports.js';
import { cellHalves } from './instructions/cell-halves.js';
import { ctc } from './instructions/ctc.js';
import { noise } from './instructions/noise.js';
import { norm } from './instructions/norm.js';

export const variantInstructions = (context: WasmContext, wasm: VariantExports) => ({
  /** Measured with `npm run bench -- lengths`, at 8 to 128 units. The block is `KC` of assembly/products.ts. */
  partialRows: { minimum: 2 ** 17, block: 512 },
  ...cellHalves(context, wasm),
  ...norm(context, wasm),
  ...noise(context, wasm),
  ...ctc(context),
});
