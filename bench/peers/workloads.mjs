/**
 * The workloads. Every engine does the same arithmetic: LSTM layers, a linear head at each time step, and in training the loss, full
 * BPTT and one Adam update, from the same weights on the same batch.
 *
 * I inputs, hidden units of each layer, O outputs, batch size B, T time steps. `train`: one training step; `stream`: one inference
 * step with carried state; `sequence`: the forward pass of a whole batch.
 */
import { createRng, writeSafetensors } from '../../dist/index.js';

export const WORKLOADS = {
  W1: { kind: 'train', I: 8, hidden: [32], O: 1, B: 1, T: 50, loss: 'meanSquaredError' },
  W2: { kind: 'train', I: 64, hidden: [128], O: 64, B: 32, T: 64, loss: 'crossEntropy' },
  W3: { kind: 'train', I: 256, hidden: [512], O: 32, B: 64, T: 64, loss: 'meanSquaredError' },
  W4: { kind: 'train', I: 64, hidden: [256, 256], O: 16, B: 32, T: 128, loss: 'meanSquaredError' },
  S1: { kind: 'stream', I: 16, hidden: [64], O: 8, B: 1, T: 1 },
  S2: { kind: 'stream', I: 64, hidden: [256], O: 8, B: 1, T: 1 },
  S3: { kind: 'sequence', I: 64, hidden: [128], O: 64, B: 32, T: 64 },
};

export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

export const sizes = ({ I, hidden, O, B, T }) => `I=${I} H=${hidden.join('+')} O=${O} B=${B} T=${T}`;

/** Input width and hidden units of each layer. */
export const layerSizes = ({ I, hidden }) => hidden.map((H, level) => ({ D: hidden[level - 1] ?? I, H }));

/**
 * Nominal floating-point operations of a step: 2*B*T*4H*(D+H) per layer, three times that in training. The head, the gates and Adam
 * are not counted; the gradient of the model's input is counted, although it is not needed.
 */
export function flops(workload) {
  const { B, T, kind } = workload;
  const forward = layerSizes(workload).reduce((sum, { D, H }) => sum + 2 * B * T * 4 * H * (D + H), 0);
  return kind === 'train' ? 3 * forward : forward;
}

/**
 * The batch and the first weights, with the same numbers on every call. Time-major, float32; weights with PyTorch's layout and
 * names, gate order i, f, g, o, one bias per layer:
 *   inputs [T,B,I], targets [T,B,O] or class numbers [T,B], parameters NAME -> { shape, data }
 */
export function makeData(workload) {
  const { I, hidden, O, B, T, loss } = workload;
  const rng = createRng(1, 'peers');
  const uniform = (length, limit) => Float32Array.from({ length }, () => limit * (2 * rng.uniform() - 1));
  const parameters = {};
  const add = (name, shape, limit) => {
    const count = shape.reduce((a, b) => a * b);
    parameters[name] = { shape, data: uniform(count, limit) };
  };
  layerSizes(workload).forEach(({ D, H }, level) => {
    add(`lstm.weight_ih_l${level}`, [4 * H, D], H ** -0.5);
    add(`lstm.weight_hh_l${level}`, [4 * H, H], H ** -0.5);
    add(`lstm.bias_ih_l${level}`, [4 * H], H ** -0.5);
  });
  add('head.weight', [O, hidden.at(-1)], hidden.at(-1) ** -0.5);
  add('head.bias', [O], hidden.at(-1) ** -0.5);
  if (loss !== 'crossEntropy') return { inputs: uniform(T * B * I, 1), targets: uniform(T * B * O, 1), parameters };
  // One-hot characters; the target is the next character.
  const characters = Int32Array.from({ length: (T + 1) * B }, () => rng.integer(I));
  const inputs = new Float32Array(T * B * I);
  for (let row = 0; row < T * B; row++) inputs[row * I + characters[row]] = 1;
  return { inputs, targets: characters.slice(B), parameters };
}

/** The same data as the bytes of a safetensors file, for engines in other languages. Class numbers are floats. */
export function dataFile(workload) {
  const { I, O, B, T } = workload;
  const { inputs, targets, parameters } = makeData(workload);
  const shape = targets instanceof Int32Array ? [T, B] : [T, B, O];
  return writeSafetensors([
    { name: 'inputs', shape: [T, B, I], data: inputs },
    { name: 'targets', shape, data: Float32Array.from(targets) },
    ...Object.entries(parameters).map(([name, tensor]) => ({ name, ...tensor })),
  ]);
}

/** The transpose of a matrix [rows, cols]. */
export function transposed({ shape: [rows, cols], data }) {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = data[r * cols + c];
  return out;
}
