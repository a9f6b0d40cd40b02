/** Copies of what is sent to a worker. */
import { expect, test } from '@jest/globals';
import { copyInto } from '../../src/worker/protocol.js';

test('what occurs several times is copied and sent once; an object may contain itself', () => {
  const buffers: ArrayBuffer[] = [];
  const values = Float32Array.of(1, 2, 3);
  const part = { values: values.subarray(1) };
  const value = {
    values,
    again: values,
    part,
    same: part,
    list: [1, 2],
    holes: new Array<unknown>(2),
    self: null as unknown,
  };
  value.self = value;
  const copy = copyInto(buffers, value, 'value');
  expect(copy).toEqual(value);
  expect([copy.again === copy.values, copy.same === copy.part, copy.self === copy]).toEqual([true, true, true]);
  expect([copy.values === values, copy.part === part, copy.list === value.list]).toEqual([false, false, false]);
  expect(buffers).toEqual([copy.values.buffer, copy.part.values.buffer]);
  expect(buffers.map(({ byteLength }) => byteLength)).toEqual([12, 8]); // no more than the view
});

test('maps and views of bytes are copied; functions are refused with their place', () => {
  const view = new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2);
  const copy = copyInto([], { map: new Map([['k', view]]) }, 'value');
  const copied = copy.map.get('k')!;
  expect([copied.getUint8(0), copied.getUint8(1), copied.byteLength]).toEqual([2, 3, 2]);
  expect(() => copyInto([], { a: [{ b: () => 1 }] }, 'value')).toThrow('value.a[0].b');
});
