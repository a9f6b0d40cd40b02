/**
 * The exports of the WebAssembly module; exports.ts has their types. Addresses are in bytes, sizes in floats.
 *
 * scripts/compile-wasm.mjs generates two of the imported modules in memory: ./tiles (tiles.mjs) and ./contract (tables.mjs).
 */
export { panelFloats, scratchFloats } from './products';
export { cellOutput, cellOutputGrad, cellState, cellStateGrad } from './cell-halves';
export { layerNorm, layerNormGrad } from './norm';
export { addNormals, bernoulli } from './noise';
export { combine, multiply } from './elements';
export { copyColumns, gatherRows, scaleRows, scatterAddRows } from './rows';
export { softmaxCrossEntropy, softmaxCrossEntropyGrad, valueLoss, valueLossGrad } from './losses';
export { addQuotient, clipValue, maximum, mixProduct, root, scale, sgd, sign, sumSquares } from './updates';
export { CONTROL_BYTES, commandSlot, follow, perform, submit, threadLine, wait } from './threads';
