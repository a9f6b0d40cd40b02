/**
 * Silero's voice activity detector, 16 kHz (https://github.com/snakers4/silero-vad, MIT License). Its LSTM runs in `unspool/infer`;
 * the convolutions around it are the plain code below. Runs in an AudioWorklet, too: a chunk allocates nothing.
 */
import { loadModel } from 'unspool/infer';

/** Samples of a chunk, and how many samples before it the detector reads again. */
export const CHUNK = 512;
const CONTEXT = 64;

/** A convolution over time of `steps` steps, with weights [outputs, channels, size], and zeros before and after the steps. */
function convolution({ shape: [outputs, channels, size], data }, bias, stride, padding, steps) {
  const width = steps + 2 * padding;
  const length = Math.floor((width - size) / stride) + 1;
  const x = new Float32Array(channels * width); // [channels, width]
  const y = new Float32Array(outputs * length); // [outputs, length]
  return { outputs, channels, size, data, bias, stride, padding, steps, width, length, x, y };
}

/** Computes y of a convolution from `inputs` [channels, steps]. */
function convolve({ outputs, channels, size, data, bias, stride, padding, steps, width, length, x, y }, inputs) {
  for (let c = 0; c < channels; c++) {
    for (let t = 0; t < steps; t++) x[c * width + padding + t] = inputs[c * steps + t];
  }
  for (let o = 0; o < outputs; o++) {
    for (let t = 0; t < length; t++) {
      let sum = bias ? bias[o] : 0;
      for (let c = 0; c < channels; c++) {
        const [from, weights] = [c * width + t * stride, (o * channels + c) * size];
        for (let k = 0; k < size; k++) sum += data[weights + k] * x[from + k];
      }
      y[o * length + t] = sum;
    }
  }
}

/**
 * Returns the detector that `readModel` read: `initialState()`, and `listen(state, chunk, probabilities, at)`, which writes the
 * probability of speech in the next 512 samples into an array of floats.
 */
export function createDetector({ tensors, model }) {
  const of = (name, kind) => tensors.get(`model.${name}.${kind}`);
  const lstm = loadModel(model);
  const [weight, [bias]] = ['weight', 'bias'].map((kind) => of('decoder.decoder.2', kind).data);
  const samples = new Float32Array(CONTEXT + CHUNK + CONTEXT);
  const spectrum = convolution(of('stft', 'forward_basis_buffer'), null, 128, 0, samples.length);
  const half = spectrum.y.length / 2; // cosines, then sines
  const magnitudes = new Float32Array(half);
  const encoder = [];
  for (const [i, stride] of [1, 2, 2, 1].entries()) {
    const name = `encoder.${i}.reparam_conv`;
    const steps = (encoder.at(-1) ?? spectrum).length;
    encoder.push(convolution(of(name, 'weight'), of(name, 'bias').data, stride, 1, steps));
  }

  return {
    initialState: () => ({ lstm: lstm.initialState(), context: new Float32Array(CONTEXT) }),
    listen(state, chunk, probabilities, at) {
      const end = CONTEXT + CHUNK;
      samples.set(state.context);
      samples.set(chunk, CONTEXT);
      for (let i = 0; i < CONTEXT; i++) samples[end + i] = samples[end - 2 - i]; // mirrored at the end
      for (let i = 0; i < CONTEXT; i++) state.context[i] = chunk[CHUNK - CONTEXT + i];
      convolve(spectrum, samples);
      for (let i = 0; i < half; i++) magnitudes[i] = Math.sqrt(spectrum.y[i] ** 2 + spectrum.y[half + i] ** 2);
      let x = magnitudes;
      for (let k = 0; k < encoder.length; k++) {
        convolve(encoder[k], x);
        x = encoder[k].y;
        for (let i = 0; i < x.length; i++) x[i] = Math.max(0, x[i]);
      }
      const h = lstm.step(state.lstm, x);
      let logit = bias;
      for (let i = 0; i < h.length; i++) logit += Math.max(0, h[i]) * weight[i];
      probabilities[at] = 1 / (1 + Math.exp(-logit)); // a number that is returned would be allocated
    },
  };
}
