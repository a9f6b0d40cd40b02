/** What the module exports; `kernels/wasm/index.ts` calls it. Addresses are bytes, sizes are floats. */
export { gemm, packB, packBT, panelFloats, scratchFloats } from './gemm';
export { lstmCell, lstmCellGrad } from './cell';
export { add, combine, fill, fillRows, gatherRows, multiply, scatterAddRows, sumRows } from './rows';
export {
  binaryCrossEntropy, binaryCrossEntropyGrad, meanSquaredError, meanSquaredErrorGrad, softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
} from './losses';
export { adam, clipValue, scale, sgd, sumSquares } from './updates';
export { CONTROL_BYTES, follow, slotAddress, submit, wait } from './threads';
export { MR, NR } from './tiles';
