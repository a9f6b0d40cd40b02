/** ONNX files for tests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserializeModel } from '../../../src/create.js';
import { toModelFile } from '../../../src/interop/imports/finish.js';
import type { Imported } from '../../../src/interop/imports/imported.js';
import { readTensor, type Tensor } from '../../../src/interop/imports/onnx/tensor.js';
import { message } from '../../../src/interop/protobuf.js';
import { Message, readMessage } from '../../../src/interop/protobuf-read.js';

export const fixture = (...path: string[]): Uint8Array => new Uint8Array(readFileSync(join(__dirname, ...path)));

const fail = (problem: string): never => {
  throw new Error(problem);
};

/** A tensor in a separate file. */
export const tensorFile = (bytes: Uint8Array): Tensor => readTensor(readMessage(bytes, fail), 'tensor', fail);

/** A model with tensors that it takes as inputs: messages of a field that is written twice are merged. */
export function withTensors(model: Uint8Array, tensors: readonly Uint8Array[]): Uint8Array {
  return joined([model, ...tensors.map((tensor) => message([7, message([5, tensor])]))]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A file without the metadata that Unspool writes, which is what another program would export. */
export function withoutMetadata(file: Uint8Array): Uint8Array {
  const model = new Message(file, { fail, fields: 1e6 });
  return message([1, 8], [8, message([1, ''], [2, 17])], [7, model.bytes(7)[0]!]);
}

/** What an imported model computes. `inputs` are time-major. */
export async function predicted(
  imported: Imported,
  inputs: ArrayLike<number>,
  batchSize: number,
): Promise<{ readonly shape: readonly number[]; readonly data: readonly number[] }> {
  const { model } = await deserializeModel(toModelFile(imported), { backend: 'reference' });
  const { output } = await model.predict(inputs, { batchSize });
  const found = { shape: [...output.shape], data: Array.from(output.data as ArrayLike<number>) };
  model.dispose();
  return found;
}

/** Parameters by name, as their bits. */
export const bitsOf = (parameters: Imported['parameters']): (readonly [name: string, bits: string])[] =>
  [...parameters].map(([name, { buffer, byteOffset, byteLength }]) => {
    return [name, Buffer.from(buffer, byteOffset, byteLength).toString('base64')];
  });

/** Rows [N, T] of `width` numbers as [T, N], or the other order. */
export function turned(data: readonly number[], outer: number, inner: number): number[] {
  const width = data.length / outer / inner;
  return Array.from({ length: data.length }, (_, i) => {
    const [row, k] = [Math.floor(i / width), i % width];
    return data[((row % outer) * inner + Math.floor(row / outer)) * width + k]!;
  });
}

export const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!))) : Number.NaN;
