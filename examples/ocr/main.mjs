/**
 * Reads a line of print with Tesseract's English recognizer, whose LSTMs unspool/infer computes:
 *   npm install @tesseract.js-data/eng@1.0.0 && node examples/ocr/main.mjs examples/ocr/line.pgm
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createModel, serializeModel } from 'unspool';
import { loadModel } from 'unspool/infer/simd';
import { readTraineddata } from './traineddata.mjs';

const [WINDOW, POOL] = [3, 3];

/** A grey image, as rows of numbers from -1 (black) to 1 (white). */
function readImage(file) {
  const bytes = readFileSync(file);
  const [header, width, height] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 40));
  const grey = bytes.subarray(header.length);
  const [black, white] = [grey.reduce((a, b) => Math.min(a, b)), grey.reduce((a, b) => Math.max(a, b))];
  const pixel = (x, y) => (2 * ((grey[y * width + x] ?? 0) - black)) / (white - black) - 1;
  const isInside = (x, y) => x >= 0 && y >= 0 && x < width && y < height;
  return { width: Number(width), height: Number(height), at: (x, y) => (isInside(x, y) ? pixel(x, y) : 1) };
}

/** tanh of a product with each 3x3 window, and of 3x3 of them the largest: [height / 3, width / 3, 16]. */
function convolve({ width, height, at }, weights) {
  const [T, N] = [Math.floor(height / POOL), Math.floor(width / POOL)];
  const around = Array.from({ length: WINDOW * WINDOW }, (_, k) => [Math.floor(k / WINDOW) - 1, (k % WINDOW) - 1]);
  const value = (row, x, y) => around.reduce((sum, [dx, dy], k) => sum + row[k] * at(x + dx, y + dy), row.at(-1));
  return Float32Array.from({ length: T * N * weights.length }, (_, i) => {
    const cell = Math.floor(i / weights.length);
    const [x, y] = [POOL * (cell % N), POOL * Math.floor(cell / N)];
    const sums = around.map(([dx, dy]) => value(weights[i % weights.length], x + 1 + dx, y + 1 + dy));
    return Math.tanh(Math.max(...sums));
  });
}

/** A model of these LSTMs. Tesseract's gates are in the order candidate, input, forget, output; a row ends with its bias. */
async function modelOf(lstms, settings, head) {
  const specs = lstms.map(({ outputs }, i) => ({
    kind: 'lstm',
    hiddenSize: outputs,
    cell: { clip: 100 },
    ...settings[i],
  }));
  const linear = head ? [{ kind: 'linear', size: head.outputs }] : [];
  const model = await createModel(
    { inputSize: lstms[0].inputs, layers: [...specs, ...linear] },
    { backend: 'reference' },
  );
  lstms.forEach(({ inputs, gates: [candidate, input, forget, output] }, i) => {
    const rows = [input, forget, candidate, output].flat();
    const level = `l${i}${settings[i].direction ? '_reverse' : ''}`;
    const set = (part, from, to) =>
      model.parameters.set(
        `lstm.${part}_${level}`,
        rows.flatMap((row) => row.slice(from, to)),
      );
    set('weight_ih', 0, inputs);
    set('weight_hh', inputs, -1);
    set('bias_ih', -1);
    model.parameters.set(
      `lstm.bias_hh_${level}`,
      rows.map(() => 0),
    );
  });
  if (head) {
    model.parameters.set(
      'head.weight',
      head.weights.flatMap((row) => row.slice(0, -1)),
    );
    model.parameters.set(
      'head.bias',
      head.weights.map((row) => row.at(-1)),
    );
  }
  return loadModel(await serializeModel(model));
}

/** The best class of each column, without repetitions and blanks. */
function decode({ data, shape: [, , size] }, classes) {
  const best = Array.from({ length: data.length / size }, (_, t) => {
    const logits = data.subarray(t * size, (t + 1) * size);
    return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
  });
  return best.flatMap((k, t) => (k === best[t - 1] || k === size - 1 ? [] : [classes[k]])).join('');
}

const require = createRequire(import.meta.url);
const data = readFileSync(require.resolve('@tesseract.js-data/eng/4.0.0_best_int/eng.traineddata.gz'));
const { layers, classes } = readTraineddata(data);
const [conv, columns, forward, backward, last, head] = layers;
const image = readImage(process.argv[2]);
const [down, along] = [
  await modelOf([columns], [{ returns: 'last' }]),
  await modelOf([forward, backward, last], [{}, { direction: 'reverse' }, {}], head),
];
const pooled = convolve(image, conv.weights);
const { output } = down.predict(pooled, { batchSize: Math.floor(image.width / POOL) }); // down each column
console.log(decode(along.predict(output.data).output, classes)); // along the line
