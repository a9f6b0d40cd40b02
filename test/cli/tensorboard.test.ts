/** TensorBoard event files, compared with the bytes that TensorBoard 2.21 writes for the same events. */
import { expect, test } from '@jest/globals';
import { crc32c, scalarRecord, versionRecord } from '../../src/cli/runs/tensorboard.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('the checksum is CRC-32C', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283); // the check value of the algorithm
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
});

test('the first record names the version of the format', () => {
  expect(hex(versionRecord(1700000000.25))).toBe(
    '1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9',
  );
});

test('a line of the metrics is a record with its numbers as scalars', () => {
  const line = { kind: 'update', epoch: 2, update: 300, loss: 2.5, gradientNorm: 0.1 };
  expect(hex(scalarRecord(line, 1700000001.5))).toBe(
    '3e00000000000000d9d240e70900006040fc54d94110ac022a300a120a0b7570646174652f6c6f737315000020400a1a0a137570646174652f6772616469656e744e6f726d15cdcccc3d777b11f1',
  );
});
