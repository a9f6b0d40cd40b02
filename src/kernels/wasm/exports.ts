/** What assembly/index.ts exports. Addresses in bytes, sizes in floats. */
type Doing = (...args: (number | boolean)[]) => void;
type Telling = (...args: (number | boolean)[]) => number;

export interface WasmExports {
  readonly gemm: Doing;
  readonly packB: Doing;
  readonly packBT: Doing;
  readonly panelFloats: Telling;
  readonly scratchFloats: Telling;
  readonly lstmCell: Doing;
  readonly lstmCellGrad: Doing;
  readonly add: Doing;
  readonly cellState: Doing;
  readonly cellStateGrad: Doing;
  readonly cellOutput: Doing;
  readonly cellOutputGrad: Doing;
  readonly layerNorm: Doing;
  readonly layerNormGrad: Doing;
  readonly bernoulli: Doing;
  readonly scaleRows: Doing;
  readonly copyColumns: Doing;
  readonly multiply: Doing;
  readonly combine: Doing;
  readonly fill: Doing;
  readonly fillRows: Doing;
  readonly gatherRows: Doing;
  readonly scatterAddRows: Doing;
  readonly sumRows: Doing;
  readonly softmaxCrossEntropy: Telling;
  readonly softmaxCrossEntropyGrad: Doing;
  readonly valueLoss: Telling;
  readonly valueLossGrad: Doing;
  readonly mixProduct: Doing;
  readonly root: Doing;
  readonly addQuotient: Doing;
  readonly maximum: Doing;
  readonly sign: Doing;
  readonly adam: Doing;
  readonly clipValue: Doing;
  readonly scale: Doing;
  readonly sgd: Doing;
  readonly sumSquares: Telling;
  readonly CONTROL_BYTES: WebAssembly.Global;
  readonly slotAddress: Telling;
  readonly submit: Doing;
  readonly wait: Doing;
  readonly follow: Doing;
}
