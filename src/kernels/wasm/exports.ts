/** The exports of the WebAssembly modules. Addresses are in bytes, sizes in floats. */
type VoidExport = (...args: (number | boolean)[]) => void;
type NumberExport = (...args: (number | boolean)[]) => number;

/** The exports of assembly/index.ts. */
export interface WasmExports {
  readonly panelFloats: NumberExport;
  readonly scratchFloats: NumberExport;
  readonly multiply: VoidExport;
  readonly combine: VoidExport;
  readonly scaleRows: VoidExport;
  readonly copyColumns: VoidExport;
  readonly gatherRows: VoidExport;
  readonly scatterAddRows: VoidExport;
  readonly softmaxCrossEntropy: NumberExport;
  readonly softmaxCrossEntropyGrad: VoidExport;
  readonly valueLoss: NumberExport;
  readonly valueLossGrad: VoidExport;
  readonly mixProduct: VoidExport;
  readonly root: VoidExport;
  readonly addQuotient: VoidExport;
  readonly maximum: VoidExport;
  readonly sign: VoidExport;
  readonly clipValue: VoidExport;
  readonly scale: VoidExport;
  readonly sgd: VoidExport;
  readonly sumSquares: NumberExport;
  readonly CONTROL_BYTES: WebAssembly.Global;
  readonly commandSlot: NumberExport;
  readonly threadLine: NumberExport;
  readonly perform: VoidExport;
  readonly submit: VoidExport;
  readonly wait: VoidExport;
  readonly follow: VoidExport;
}

/** The exports of assembly/variants.ts. */
export interface VariantExports {
  readonly cellState: VoidExport;
  readonly cellStateGrad: VoidExport;
  readonly cellOutput: VoidExport;
  readonly cellOutputGrad: VoidExport;
  readonly layerNorm: VoidExport;
  readonly layerNormGrad: VoidExport;
  readonly addNormals: VoidExport;
  readonly bernoulli: VoidExport;
}
