/** Valid calls of the exports of `unspool/infer`, `infer/simd` and `interop`, and of the methods of what they return. */
import { readFileSync } from 'node:fs';
import * as main from '../../../dist/index.js';
import { N, T } from '../world.mjs';

const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i));
const ofValues = (w) => w.once('values file', () => main.serializeModel(w.model));

const useModel = (model) => model.predict([0, 1, 2, 3]);

export const inferSubjects = { loadModel: { args: async (w) => [await w.file], after: useModel } };

const inferModel = (entry) => ({
  open: ['step', 'predict'], // a state of the engine may have more
  make: async (w) => w.entries[entry].loadModel(await ofValues(w)),
  methods: {
    initialState: () => [N],
    step: () => [[{ h: Array(N * 3).fill(0.1), c: Array(N * 3).fill(0.2) }], numbers(N * 2)],
    predict: () => [
      numbers(T * N * 2),
      {
        ...{ batchSize: N, lengths: [3, 2], batchFirst: true },
        from: [{ h: numbers(N * 3), c: numbers(N * 3) }],
      },
    ],
  },
});
export const inferObjects = { InferModel: inferModel('infer') };
export const simdObjects = { InferModel: inferModel('infer/simd') };

const parsed = async (w) => main.parseModel(await w.file);

/** A state dict in safetensors. */
const ofPytorch = async (w) => w.entries.interop.toPytorch(main.parseModel(await ofValues(w))).weights;

const ofOnnx = async (w) => w.entries.interop.toOnnx(main.parseModel(await ofValues(w)));

const KERAS = new URL('../../interop/keras/fixtures/', import.meta.url);
const ofKeras = (path) => new Uint8Array(readFileSync(new URL(path, KERAS)));

export const interopSubjects = {
  fromKeras: {
    args: async () => [
      ofKeras('tfjs-tokens/model.json'),
      { node: 'lstm_LSTM2', file: 'model.json', forgetBias: 1, part: async (path) => ofKeras(`tfjs-tokens/${path}`) },
    ],
  },
  fromOnnx: { args: async (w) => [await ofOnnx(w), { node: 'lstm_0_Y', file: 'lstm.onnx' }] },
  fromPytorch: { args: async (w) => [await ofPytorch(w), { node: 'lstm', file: 'lstm.safetensors' }] },
  onnxTensors: { args: async (w) => [await ofOnnx(w), { file: 'lstm.onnx' }] },
  importContents: {
    args: async (w) => [await ofPytorch(w), { file: 'lstm.safetensors', part: async () => numbers(2) }],
  },
  importModel: { args: async (w) => [await ofPytorch(w), { node: 'lstm' }] },
  toJson: { open: true, args: async (w) => [await parsed(w)] },
  toKeras: { open: true, args: async (w) => [await parsed(w)] },
  toModelFile: { open: true, args: async (w) => [await parsed(w)] },
  toModule: { open: ['[0]'], args: async (w) => [await parsed(w), { weights: 'int8', simd: true }] },
  toOnnx: { open: true, args: async (w) => [await parsed(w)] },
  toPytorch: { open: true, args: async (w) => [await parsed(w), 'weights.safetensors'] },
};
