/** The exports of the WebAssembly module for LSTM variants, which computes in the memory of the main module. */
export { cellOutput, cellOutputGrad, cellState, cellStateGrad } from './cell-halves';
export { layerNorm, layerNormGrad } from './norm';
export { addNormals, bernoulli } from './noise';
