/**
 * Silero's voice activity detector, 16 kHz (https://github.com/snakers4/silero-vad, MIT License). Its LSTM runs in `unspool/infer`;
 * the convolutions around it are the plain code below. Runs in an AudioWorklet, too.
 */
import { loadModel } from 'unspool/infer';

/** Samples of a chunk, and how many samples before it the detector reads again. */
export const CHUNK = 512;
const CONTEXT = 64;

/** A convolution over time: x [channels, steps] to [outputs, ...], weight [outputs, channels, size]. */
function convolution(x, { shape: [outputs, channels, size], data }, bias, stride, padding) {
  const steps = x.length / channels;
  const length = Math.floor((steps + 2 * padding - size) / stride) + 1;
  const y = new Float32Array(outputs * length);
  for (let o = 0; o < outputs; o++) {
    for (let t = 0; t < length; t++) {
      let sum = bias ? bias.data[o] : 0;
      for (let c = 0; c < channels; c++) {
        for (let k = 0; k < size; k++) {
          const at = t * stride + k - padding;
          if (at >= 0 && at < steps) sum += data[(o * channels + c) * size + k] * x[c * steps + at];
        }
      }
      y[o * length + t] = sum;
    }
  }
  return y;
}

const relu = (x) => x.map((value) => Math.max(0, value));

/** Returns the detector that `readModel` read: `initialState()`, and `probability(state, chunk)` of speech in the next 512 samples. */
export function createDetector({ tensors, model }) {
  const of = (name, kind) => tensors.get(`model.${name}.${kind}`);
  const lstm = loadModel(model);
  const encoder = [1, 2, 2, 1].map((stride, i) => ({ stride, name: `encoder.${i}.reparam_conv` }));
  const [weight, [bias]] = ['weight', 'bias'].map((kind) => of('decoder.decoder.2', kind).data);

  /** The features of a chunk: magnitudes of its spectrum at four times, then four convolutions. */
  function features(context, chunk) {
    const samples = new Float32Array(CONTEXT + CHUNK + CONTEXT);
    samples.set(context);
    samples.set(chunk, CONTEXT);
    const end = CONTEXT + CHUNK;
    for (let i = 0; i < CONTEXT; i++) samples[end + i] = samples[end - 2 - i]; // mirrored at the end
    const waves = convolution(samples, of('stft', 'forward_basis_buffer'), null, 128, 0);
    const half = waves.length / 2; // cosines, then sines
    let x = waves.subarray(0, half).map((cosine, i) => Math.hypot(cosine, waves[half + i]));
    for (const { stride, name } of encoder) {
      x = relu(convolution(x, of(name, 'weight'), of(name, 'bias'), stride, 1));
    }
    return x;
  }

  return {
    initialState: () => ({ lstm: lstm.initialState(), context: new Float32Array(CONTEXT) }),
    probability(state, chunk) {
      const h = relu(lstm.step(state.lstm, features(state.context, chunk)));
      state.context = chunk.slice(-CONTEXT);
      return 1 / (1 + Math.exp(-h.reduce((sum, value, i) => sum + value * weight[i], bias)));
    },
  };
}
