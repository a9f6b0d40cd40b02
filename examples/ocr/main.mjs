/**
 * Reads lines of print with Tesseract's English recognizer, whose LSTMs unspool/infer computes:
 *   npm install @tesseract.js-data/eng@1.0.0 && node examples/ocr/main.mjs examples/ocr/line.pgm
 */
import { readFileSync } from 'node:fs';
import { loadModel } from 'unspool/infer/simd';
import { toModelFile } from 'unspool/interop';
import { readTraineddata } from './traineddata.mjs';

/** The recognizer reads lines of 36 pixels: here, letters with their ascenders and descenders take 28, and 4 on each side are white. */
const [ROWS, INK, MARGIN] = [[...Array(36).keys()], 28, 4];
const [POOL, WINDOW] = [3, [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy]))];

/** A grey image of one line, dark on light, as columns of 36 numbers from -1 (black) to 1 (white). */
function readImage(file) {
  const bytes = readFileSync(file);
  const [header, width, height] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 40));
  const grey = bytes.subarray(header.length);
  const [black, white] = [Math.min, Math.max].map((of) => grey.reduce((a, b) => of(a, b)));
  const rows = Array.from({ length: height }, (_, y) => grey.subarray(y * width, (y + 1) * width));
  const ink = [...grey.keys()].filter((i) => 2 * grey[i] < black + white);
  const [top, bottom] = [Math.floor(ink[0] / width), Math.floor(ink.at(-1) / width) + 1];
  const [left, right] = [Math.min, Math.max].map((of) => ink.reduce((a, i) => of(a, i % width), ink[0] % width));
  const scale = (bottom - top) / INK;
  const value = (x, y) => rows[Math.floor(scale * y + top)]?.[Math.floor(scale * x + left)] ?? white;
  const mean = (x, y) => WINDOW.reduce((sum, [dx, dy]) => sum + value(x + (1.5 + dx) / 3, y + (1.5 + dy) / 3), 0) / 9;
  const at = (x, y) => (2 * (mean(x - MARGIN, y - MARGIN) - black)) / (white - black) - 1;
  return Array.from({ length: (right - left) / scale + 2 * MARGIN }, (_, x) => ROWS.map((y) => at(x, y)));
}

/** tanh of a product with each 3x3 window, and of 3x3 of them the largest: [12, N, 16], for N thirds of the columns. */
function convolve(image, weights, N) {
  const at = (x, y) => image[x]?.[y] ?? 1;
  const product = (row, x, y) => WINDOW.reduce((sum, [dx, dy], k) => sum + row[k] * at(x + dx, y + dy), row.at(-1));
  return Float32Array.from({ length: (ROWS.length / POOL) * N * weights.length }, (_, i) => {
    const [row, cell] = [weights[i % weights.length], Math.floor(i / weights.length)];
    const [x, y] = [POOL * (cell % N) + 1, POOL * Math.floor(cell / N) + 1];
    return Math.tanh(Math.max(...WINDOW.map(([dx, dy]) => product(row, x + dx, y + dy))));
  });
}

/** A model of these layers. Tesseract's gates are in the order candidate, input, forget, output; a row ends with its bias. */
function modelOf(lstms, head) {
  const parameters = new Map();
  const set = (name, rows, ...cut) => parameters.set(name, Float32Array.from(rows.flatMap((r) => r.slice(...cut))));
  const layers = lstms.map(({ inputs, outputs, gates: [candidate, input, forget, output], ...settings }, i) => {
    const [rows, end] = [[input, forget, candidate, output].flat(), settings.direction ? 'l0_reverse' : 'l0'];
    set(`level${i}.weight_ih_${end}`, rows, 0, inputs);
    set(`level${i}.weight_hh_${end}`, rows, inputs, -1);
    set(`level${i}.bias_ih_${end}`, rows, -1);
    return { kind: 'lstm', name: `level${i}`, hiddenSize: outputs, bias: 'single', cell: { clip: 100 }, ...settings };
  });
  if (head) {
    layers.push({ kind: 'linear', name: 'head', size: head.outputs });
    set('head.weight', head.weights, 0, -1);
    set('head.bias', head.weights, -1);
  }
  return loadModel(toModelFile({ spec: { inputSize: lstms[0].inputs, layers }, parameters }));
}

/** The best class of each column, without repetitions and blanks. */
function decode({ data, shape: [columns, , size] }, classes) {
  const rows = Array.from({ length: columns }, (_, t) => data.subarray(t * size, (t + 1) * size));
  const best = rows.map((logits) => logits.indexOf(Math.max(...logits)));
  return best.flatMap((k, t) => (k === best[t - 1] || k === size - 1 ? [] : classes[k])).join('');
}

const weights = new URL(import.meta.resolve('@tesseract.js-data/eng/4.0.0_best_int/eng.traineddata.gz'));
const { layers, classes } = readTraineddata(readFileSync(weights));
const [conv, columns, forward, backward, last, head] = layers;
const down = modelOf([{ ...columns, returns: 'last' }]);
const along = modelOf([forward, { ...backward, direction: 'reverse' }, last], head);
for (const image of process.argv.slice(2).map(readImage)) {
  const batchSize = Math.floor(image.length / POOL);
  const { output } = down.predict(convolve(image, conv.weights, batchSize), { batchSize }); // down each column
  console.log(decode(along.predict(output.data).output, classes)); // along the line
}
