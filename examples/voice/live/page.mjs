/** Shows the probability of speech in what the microphone hears. The detector runs on the audio thread. */
import { readModel } from '../model.mjs';

const [button, progress, output] = ['button', 'progress', 'output'].map((name) => document.querySelector(name));
const processorOptions = readModel(new Uint8Array(await (await fetch('model.onnx')).arrayBuffer()));

/** Every probability so far, for programs that watch the page. */
window.probabilities = [];
button.onclick = async () => {
  button.disabled = true;
  const context = new AudioContext({ sampleRate: 16000 }); // the browser resamples
  await context.audioWorklet.addModule('worklet.js');
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = context.createMediaStreamSource(await navigator.mediaDevices.getUserMedia({ audio }));
  const node = new AudioWorkletNode(context, 'detector', { processorOptions, numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => {
    window.probabilities.push(data);
    progress.value = data;
    output.textContent = data.toFixed(2);
  };
  microphone.connect(node);
};
button.disabled = false;
