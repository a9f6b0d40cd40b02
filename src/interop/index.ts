/** `unspool/interop`: models in the formats of other programs. */
export type { ExportableModel } from './exports/content.js';
export { toJson } from './exports/json.js';
export { toKeras } from './exports/keras.js';
export { type ModuleFiles, type ModuleOptions, toModule } from './exports/module.js';
export { toOnnx } from './exports/onnx.js';
export { type PytorchFiles, toPytorch } from './exports/pytorch.js';
export type { WeightType } from './exports/weight-types.js';
export { toModelFile } from './imports/finish.js';
export { importContents, importModel } from './imports/formats.js';
export type { ForeignLayer, ImportContents, Imported, ImportedLayer } from './imports/imported.js';
export { fromKeras, type KerasOptions } from './imports/keras/index.js';
export { fromOnnx } from './imports/onnx/index.js';
export { type OnnxTensor, onnxTensors } from './imports/onnx/tensors.js';
export type { ImportModelOptions, ImportOptions } from './imports/options.js';
export { fromPytorch } from './imports/pytorch/index.js';
