/** What tests of unspool/infer share. */
import { expect } from '@jest/globals';
import type { InferError } from '../../src/infer/errors.js';

/** The code and the message of what a call throws. */
export function problemOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { name, code, message } = error as InferError;
    expect(name).toBe('UnspoolError');
    return `${code}: ${message}`;
  }
  return 'nothing';
}

export type Tensor = readonly [dtype: string, shape: readonly number[], bytes: ArrayBufferView];

/** A model file with these tensors. `about` replaces what the file says about itself. */
export function fileOf(tensors: Readonly<Record<string, Tensor>>, about: object = {}): Uint8Array {
  let at = 0;
  const entries = Object.entries(tensors).map(([name, [dtype, shape, { byteLength }]]) => {
    at += byteLength;
    return [name, { dtype, shape, data_offsets: [at - byteLength, at] }];
  });
  const spec = JSON.stringify({ inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1 }] });
  const given = { format: 'unspool', version: '2', spec, ...about };
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: given, ...Object.fromEntries(entries) }));
  const out = new Uint8Array(8 + header.length + at);
  new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true);
  out.set(header, 8);
  at = 8 + header.length;
  for (const [, , view] of Object.values(tensors)) {
    out.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), at);
    at += view.byteLength;
  }
  return out;
}
