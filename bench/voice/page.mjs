/** The page of examples/voice/live with onnxruntime-web: the audio thread sends its samples here, and the page computes the detector. */
import * as ort from 'onnxruntime-web/wasm';

ort.env.wasm.numThreads = 1; // threads would wait for each other longer than they compute
ort.env.wasm.wasmPaths = '/';
const [button, progress, output] = ['button', 'progress', 'output'].map((name) => document.querySelector(name));
const session = await ort.InferenceSession.create('model.onnx', { executionProviders: ['wasm'] });
const sr = new ort.Tensor('int64', BigInt64Array.of(16000n), []);
const input = new Float32Array(64 + 512);
let state = new ort.Tensor('float32', new Float32Array(256), [2, 1, 128]);

async function detect(chunk) {
  input.copyWithin(0, 512);
  input.set(chunk, 64);
  const results = await session.run({ input: new ort.Tensor('float32', input, [1, input.length]), state, sr });
  state = results.stateN;
  return results.output.data[0];
}

window.probabilities = [];
window.chunksPerSecond = async (chunks) => {
  const chunk = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i / 9));
  const begin = performance.now();
  for (let i = 0; i < chunks; i++) await detect(chunk);
  return (1000 * chunks) / (performance.now() - begin);
};
button.onclick = async () => {
  button.disabled = true;
  const context = new AudioContext({ sampleRate: 16000 });
  await context.audioWorklet.addModule('worklet.js');
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = context.createMediaStreamSource(await navigator.mediaDevices.getUserMedia({ audio }));
  const node = new AudioWorkletNode(context, 'samples', { numberOfOutputs: 0 });
  let last = Promise.resolve();
  node.port.onmessage = ({ data }) => {
    last = last.then(async () => {
      const probability = await detect(data);
      window.probabilities.push(probability);
      progress.value = probability;
      output.textContent = probability.toFixed(2);
    });
  };
  microphone.connect(node);
};
button.disabled = false;
