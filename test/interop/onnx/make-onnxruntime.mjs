/**
 * Writes onnxruntime.jsonl: random models, and what onnxruntime-web computes of the files that `toOnnx` makes of them.
 * onnxruntime-web takes 139 MB, so it is not a dependency. Run this where it is installed, once `toOnnx` has changed:
 * npm install onnxruntime-web@1.30.0 --ignore-scripts, then node .../make-onnxruntime.mjs
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const COUNT = 80;
const require = createRequire(import.meta.url);
const ort = createRequire(`${process.cwd()}/`)('onnxruntime-web');
ort.env.wasm.numThreads = 1;

const contents = `export { expressible, inputsFor, withParameters } from './models.js';
export { toOnnx } from '../../../src/interop/exports/onnx.js';
export { readOnnx } from '../../../src/interop/imports/onnx/file.js';
export { sample } from 'fast-check';`;
const { outputFiles } = require('esbuild').buildSync({
  stdin: { contents, resolveDir: HERE },
  ...{ bundle: true, format: 'esm', platform: 'node', write: false },
});
const { expressible, inputsFor, readOnnx, sample, toOnnx, withParameters } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);

/** The initial states of a file for N sequences: its metadata have one row for each layer and direction. */
function statesOf(bytes, N) {
  const feeds = {};
  JSON.parse(readOnnx(bytes).metadata.get('initial_state')).forEach((directions, i) => {
    for (const part of ['h', 'c']) {
      const rows = directions.flatMap((row) => Array.from({ length: N }, () => row[part]).flat());
      const shape = [directions.length, N, directions[0].h.length];
      feeds[`state_${i}_${part}`] = new ort.Tensor('float32', Float32Array.from(rows), shape);
    }
  });
  return feeds;
}

const cases = [];
for (const [seed, spec] of sample(expressible, { seed: 11, numRuns: COUNT }).entries()) {
  const bytes = toOnnx(withParameters(spec, seed));
  const { steps, batchSize, inputs } = inputsFor(spec, seed);
  const input = spec.inputSize
    ? new ort.Tensor('float32', inputs, [steps, batchSize, spec.inputSize])
    : new ort.Tensor('int64', BigInt64Array.from(inputs, BigInt), [steps, batchSize]);
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  const { output } = await session.run({ input, ...statesOf(bytes, batchSize) });
  await session.release();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  cases.push({ spec, seed, sha256, shape: output.dims, output: Array.from(output.data) });
}
writeFileSync(`${HERE}onnxruntime.jsonl`, cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
