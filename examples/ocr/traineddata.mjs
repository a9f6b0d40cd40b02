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
  if ((int8() & 1) === 0) throw new Error('This example reads int8 weights only.');
  const [rows, columns] = [int32(), int32()];
  int8();
  const weights = new Int8Array(take(rows * columns));
  const scales = list(int32(), double);
  return list(rows, (r) => Array.from(weights.subarray(r * columns, (r + 1) * columns), (w) => w * scales[r]));
}

/** The layers with weights, in the order of the network. */
function layers(file) {
  const { take, int8, int32, list, text } = file;
  if (int8() !== 0) throw new Error('This is not a file of Tesseract 4.');
  const type = text();
  take(2);
  const [flags, inputs, outputs] = list(4, int32);
  const name = text();
  if (/^(Series|Parallel|XYTranspose)|Reversed$/.test(type)) {
    const within = list(int32(), () => layers(file)).flat();
    if (flags & 64) take(4 * int32()); // learning rates
    return within;
  }
  if (type === 'Input') list(5, int32);
  if (type === 'Convolve' || type === 'Maxpool') list(2, int32);
  if (/LSTM$/.test(type)) return [{ name, inputs, outputs, gates: list(int32() && 4, () => matrix(file)) }];
  return /^(Tanh|Softmax)$/.test(type) ? [{ name, inputs, outputs, weights: matrix(file) }] : [];
}

/** The layers, and the character of each class; the last class is the blank of CTC. */
export function readTraineddata(gzipped) {
  const bytes = gunzipSync(gzipped);
  const offsets = Array.from({ length: bytes.readInt32LE() }, (_, i) => Number(bytes.readBigInt64LE(4 + 8 * i)));
  const component = (i) =>
    bytes.subarray(
      offsets[i],
      offsets.slice(i + 1).find((offset) => offset > 0),
    );
  const characters = component(UNICHARSET).toString().split('\n').slice(1);
  const { int8, int32, list } = reader(component(RECODER));
  const classes = [];
  list(int32(), (i) => {
    int8();
    classes[list(int32(), int32)[0]] ??= characters[i].split(' ')[0].replace('NULL', ' ');
  });
  return { layers: layers(reader(component(LSTM))), classes };
}
