/** A model as one ES module: unspool/infer and the weights in one file, without imports, `eval` or requests. */
import { requireChoice, requireOptional, requireOptions } from '../../checks.js';
import { runtime } from '../generated/runtime.js';
import { headerOf } from '../model-file.js';
import { writeSafetensors } from '../safetensors-write.js';
import { type ExportableModel, parametersOf } from './content.js';
import { tensorsOf } from './quantize.js';
import { WEIGHT_TYPES, type WeightType } from './weight-types.js';

/** How a module stores and computes its model. */
export interface ModuleOptions {
  /** `float16` and `int8` (one scale per row) are smaller. Vectors, such as biases, stay float32. Default `float32`. */
  readonly weights?: WeightType;
  /** Compute in SIMD WebAssembly, which a page's content-security policy may forbid. Default false. */
  readonly simd?: boolean;
}

/** The text of a module and of its types, for files such as `model.js` and `model.d.ts`. */
export interface ModuleFiles {
  readonly code: string;
  readonly types: string;
}

const TYPES = `/** Written by Unspool. The state of one LSTM, row by row; a plain object that JSON keeps. */
export interface LayerState {
  h: number[];
  c: number[];
}
export type State = LayerState[];
export interface Prediction {
  /** [steps, N, outputSize], or [N, steps, outputSize] with batchFirst. */
  readonly output: { readonly data: Float32Array; readonly shape: readonly number[] };
  readonly state: State;
}
export interface Model {
  /** Width of an input row; 0 for a model that reads tokens. */
  readonly inputSize: number;
  readonly outputSize: number;
  /** Number of tokens; 0 for a model that reads numbers. */
  readonly tokens: number;
  /** The character of each token; null without a vocabulary. */
  readonly characters: readonly string[] | null;
  readonly metadata: unknown;
  /** The state before the first step of batchSize sequences (default 1). */
  initialState(batchSize?: number): State;
  /** One time step: replaces the numbers in state, and returns the output, which the next call overwrites. */
  step(state: State, inputs: ArrayLike<number>): Float32Array;
  /** Whole sequences, time-major. */
  predict(
    inputs: ArrayLike<number>,
    options?: {
      readonly batchSize?: number;
      readonly from?: readonly { readonly h: ArrayLike<number>; readonly c: ArrayLike<number> }[];
      readonly lengths?: ArrayLike<number>;
      readonly batchFirst?: boolean;
    },
  ): Prediction;
}
export declare const model: Model;
export default model;
`;

/** Base64 of bytes, in pieces that `String.fromCharCode` accepts as arguments. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let from = 0; from < bytes.length; from += 8192) {
    text += String.fromCharCode(...bytes.subarray(from, from + 8192));
  }
  return btoa(text);
}

/**
 * Returns a model as one ES module with types. It exports `model` (also as default) with the calls of unspool/infer: `step`,
 * `predict`, `initialState`. The optimizer's state of a checkpoint is left out, and float64 weights become float32. Throws
 * `INVALID_SETTING`.
 */
export function toModule(model: ExportableModel, options: ModuleOptions = {}): ModuleFiles {
  requireOptions('options', options, ['weights', 'simd']);
  const { weights = 'float32', simd = false } = options;
  requireChoice('weights', weights, WEIGHT_TYPES);
  requireOptional('simd', simd, 'boolean');
  const tensors = parametersOf(model).flatMap((parameter) => tensorsOf(parameter, weights));
  const { spec, vocabulary = null, metadata = {} } = model;
  const bytes = writeSafetensors(tensors, headerOf(spec, { vocabulary, metadata }));
  const code = `/* Written by Unspool. This file contains the model and the code that runs it. */
${simd ? runtime.simd : runtime.plain}
export const model = unspool.load('${base64(bytes)}');
export default model;
`;
  return { code, types: TYPES };
}
