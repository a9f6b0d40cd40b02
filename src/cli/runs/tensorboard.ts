/**
 * TensorBoard event files: records of TensorFlow's TFRecord format (https://www.tensorflow.org/tutorials/load_data/tfrecord), each an
 * `Event` message with scalars.
 */
import { appendFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { joined } from '../../interop/joined.js';
import { type Field, message } from '../../interop/protobuf.js';
import { fileAccessError } from '../../node/files.js';
import type { MetricsLine } from './metrics.js';

/** CRC-32C (Castagnoli), reflected, by byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** The CRC-32C of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The checksum of a record: rotated by 15 bits, plus a constant, so that a record may contain checksums itself. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A record: the length of the data, its checksum, the data, and the checksum of the data. */
export function recordOf(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return record;
}

/** An `Event` message: wall time in seconds, and the version of the file or the scalars of an update. */
const eventOf = (seconds: number, ...fields: readonly Field[]): Uint8Array =>
  recordOf(message([1, { double: seconds }], ...fields));

/** The scalars of a line of the metrics, by the names that TensorBoard groups them under; null for what was not measured. */
function scalarsOf({ kind, update: _, epoch: __, ...values }: MetricsLine): [tag: string, value: number][] {
  return Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'number' ? [[`${kind}/${name}`, value] as [string, number]] : [],
  );
}

/** The record of a line of the metrics. */
export function scalarRecord(line: MetricsLine, seconds: number): Uint8Array {
  const values = scalarsOf(line).map(([tag, value]): Field => [1, message([1, tag], [2, { float: value }])]);
  return eventOf(seconds, [2, line.update], [5, message(...values)]);
}

/** The first record of a file. */
export const versionRecord = (seconds: number): Uint8Array => eventOf(seconds, [3, 'brain.Event:2']);

const now = (): number => Date.now() / 1000;

/** Writes the metrics of one process to its own event file, as TensorBoard expects it. */
export class EventFile {
  readonly file: string;
  private waiting: Uint8Array[] = [versionRecord(now())];

  constructor(directory: string) {
    this.file = join(directory, `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}`);
  }

  /** Adds a line. It is written by `flush`. */
  add(line: MetricsLine): void {
    this.waiting.push(scalarRecord(line, now()));
  }

  /** Writes all lines. Throws `FILE_ACCESS`. */
  async flush(): Promise<void> {
    const bytes = joined(this.waiting);
    this.waiting = [];
    if (bytes.length === 0) return;
    try {
      await appendFile(this.file, bytes);
    } catch (error) {
      throw fileAccessError(this.file, 'written', error);
    }
  }
}
