/**
 * The exports of the main WebAssembly module; exports.ts has their types. variants.ts has those of the other module. Addresses are in bytes, sizes in floats.
 *
 * scripts/compile-wasm.mjs generates two of the imported modules in memory: ./tiles (tiles.mjs) and ./contract (tables.mjs).
 */
export { panelFloats, scratchFloats } from './products';
export { combine, multiply } from './elements';
export { copyColumns, gatherRows, scaleRows, scatterAddRows } from './rows';
export { softmaxCrossEntropy, softmaxCrossEntropyGrad, valueLoss, valueLossGrad } from './losses';
export { addQuotient, clipValue, maximum, mixProduct, root, scale, sgd, sign, sumSquares } from './updates';
export { CONTROL_BYTES, commandSlot, follow, perform, submit, threadLine, wait } from './threads';
