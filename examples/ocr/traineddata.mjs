/** Reads Tesseract's file of a trained line recognizer: its layers in order, and the characters of the classes. */
import { gunzipSync } from 'node:zlib';

/** The components of the file that an LSTM recognizer needs, by their places. */
const [LSTM, UNICHARSET, RECODER] = [17, 21, 22];

/** Reads little-endian numbers one after the other. */
function reader(bytes) {
  let at = 0;
  const take = (length) => bytes.subarray(at, (at += length));
  const [int8, int32] = [() => take(1).readInt8(), () => take(4).readInt32LE()];
  const list = (length, read) => Array.from({ length }, (_, i) => read(i));
  return { take, int8, int32, list, double: () => take(8).readDoubleLE(), text: () => take(int32()).toString() };
}

/** A matrix of int8 weights with a scale for each row, as rows of numbers. The last number of a row is its bias. */
function matrix({ take, int8, int32, list, double }) {
  const [mode, rows, columns] = [int8(), int32(), int32(), int8()];
  if ((mode & 1) === 0) throw new Error('This example reads int8 weights only.');
  const weights = new Int8Array(take(rows * columns));
  const scales = list(int32(), double);
  return list(rows, (r) => Array.from(weights.subarray(r * columns, (r + 1) * columns), (w) => w * scales[r]));
}

/** The layers with weights, in the order of the network. */
function layers(file) {
  const { take, int8, int32, list, text } = file;
  if (int8() !== 0) throw new Error('This is not a file of Tesseract 4.');
  const [type, , [flags, inputs, outputs]] = [text(), take(2), list(4, int32), text()];
  const isContainer = /^(Series|Parallel|XYTranspose)|Reversed$/.test(type);
  const within = list(isContainer ? int32() : 0, () => layers(file)).flat();
  if (isContainer && flags & 64) take(4 * int32()); // learning rates
  list({ Input: 5, Convolve: 2, Maxpool: 2 }[type] ?? 0, int32); // sizes
  if (/LSTM$/.test(type)) return [{ inputs, outputs, gates: list(int32() && 4, () => matrix(file)) }];
  return /^(Tanh|Softmax)$/.test(type) ? [{ inputs, outputs, weights: matrix(file) }] : within;
}

/** The layers, and the character of each class; the last class is the blank of CTC. */
export function readTraineddata(gzipped) {
  const bytes = gunzipSync(gzipped);
  const offsets = Array.from({ length: bytes.readInt32LE() }, (_, i) => Number(bytes.readBigInt64LE(4 + 8 * i)));
  const component = (i) => reader(bytes.subarray(offsets[i])); // what follows it is not read
  const characters = component(UNICHARSET).take(bytes.length).toString().split('\n').slice(1);
  const { int8, int32, list } = component(RECODER);
  const [codes, classes] = [list(int32(), () => [int8(), ...list(int32(), int32)][1]), []];
  for (const [i, code] of codes.entries()) classes[code] ??= characters[i].split(' ')[0].replace('NULL', ' ');
  return { layers: layers(component(LSTM)), classes };
}
