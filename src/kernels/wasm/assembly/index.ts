/** What the module exports; `kernels/wasm/index.ts` calls it. Addresses are bytes, sizes are floats. */
export { gemm, packB, packBT, panelFloats, scratchFloats } from './products';
export { lstmCell, lstmCellGrad } from './cell';
export { cellOutput, cellOutputGrad, cellState, cellStateGrad } from './cell-halves';
export { layerNorm, layerNormGrad } from './norm';
export { bernoulli } from './noise';
export {
  add, combine, copyColumns, fill, fillRows, gatherRows, multiply, scaleRows, scatterAddRows, sumRows,
} from './rows';
export { softmaxCrossEntropy, softmaxCrossEntropyGrad, valueLoss, valueLossGrad } from './losses';
export {
  adam, addQuotient, clipValue, maximum, mixProduct, root, scale, sgd, sign, sumSquares,
} from './updates';
export { CONTROL_BYTES, follow, slotAddress, submit, wait } from './threads';
export { MR, NR } from './tiles';
