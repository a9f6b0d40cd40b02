/** Runs the detector of examples/voice/live on an audio thread as fast as it can: chunks per second. */
import { readModel } from '../../examples/voice/model.mjs';

window.chunksPerSecond = async (chunks) => {
  const file = readModel(new Uint8Array(await (await fetch('model.onnx')).arrayBuffer()));
  const count = new Int32Array(new SharedArrayBuffer(4));
  const probabilities = new Float32Array(new SharedArrayBuffer(4));
  const context = new OfflineAudioContext(1, 512 * chunks, 16000);
  await context.audioWorklet.addModule('worklet.js');
  const sound = new OscillatorNode(context, { frequency: 300 });
  const processorOptions = { file, count, probabilities };
  sound.connect(new AudioWorkletNode(context, 'detector', { processorOptions, numberOfOutputs: 0 }));
  sound.start();
  const begin = performance.now();
  await context.startRendering();
  return (1000 * count[0]) / (performance.now() - begin);
};
