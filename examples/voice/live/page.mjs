/** Shows the probability of speech in what the microphone hears. The detector runs on the audio thread. */
import { readModel } from '../model.mjs';

const [button, progress, output] = ['button', 'progress', 'output'].map((name) => document.querySelector(name));
const file = readModel(new Uint8Array(await (await fetch('model.onnx')).arrayBuffer()));
// Shared with the audio thread, so that it sends no messages: how many chunks were heard, and the last of their probabilities.
const count = new Int32Array(new SharedArrayBuffer(4));
const probabilities = new Float32Array(new SharedArrayBuffer(4 * 1024));

/** Every probability so far, for programs that watch the page. */
window.probabilities = [];

function show() {
  while (window.probabilities.length < Atomics.load(count, 0)) {
    window.probabilities.push(probabilities[window.probabilities.length % probabilities.length]);
  }
  progress.value = window.probabilities.at(-1) ?? 0;
  output.textContent = progress.value.toFixed(2);
  requestAnimationFrame(show);
}

button.onclick = async () => {
  button.disabled = true;
  const context = new AudioContext({ sampleRate: 16000 }); // the browser resamples
  await context.audioWorklet.addModule('worklet.js');
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = context.createMediaStreamSource(await navigator.mediaDevices.getUserMedia({ audio }));
  const processorOptions = { file, count, probabilities };
  microphone.connect(new AudioWorkletNode(context, 'detector', { processorOptions, numberOfOutputs: 0 }));
  show();
};
button.disabled = false;
