/**
 * `unspool/infer`: predictions and streams from a model file, without the engine. Forward only, synchronous, without dependencies,
 * `eval`, timers or input and output, so that it also runs in an AudioWorklet and a service worker.
 */
import { readModel } from './file.js';
import { plainMachine } from './machine.js';
import { type InferModel, makeModel } from './model.js';

export type { InferError } from './errors.js';
export type { Floats } from './file.js';
export type { GivenState, InferModel, InferOptions, InferPrediction, LayerState, State } from './model.js';

/**
 * Reads a model file that `serializeModel` or `unspool train` wrote; `bytes` is its whole content. Computes in plain JavaScript;
 * `loadModel` of `unspool/infer/simd` is faster. Throws `INVALID_FILE`.
 *
 * @example
 * const model = loadModel(await (await fetch('model.safetensors')).arrayBuffer());
 * const state = model.initialState();
 * const output = model.step(state, [0.1, 0.2]);
 */
export function loadModel(bytes: Uint8Array | ArrayBuffer): InferModel {
  const content = readModel(bytes);
  return makeModel(content, plainMachine(content.precision));
}
