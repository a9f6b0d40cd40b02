/** Reads NumPy's .npy files. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { requireOptional, requireOptions, shown } from '../../checks.js';
import { invalidData, UnspoolError } from '../../errors.js';
import { Table } from './table.js';

type Reader = (view: DataView, at: number, little: boolean) => number;

const READERS: Readonly<Record<string, Reader>> = {
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  b1: (view, at) => view.getUint8(at),
};

const MAGIC = '\x93NUMPY';
const HEADER = /^\{'descr': '([<>|=])(\w\d+)', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \}\s*$/;

/**
 * Reads an array of one or two dimensions as a table: one row per entry or row, with columns `column1`, `column2`, ... Throws
 * `INVALID_FILE` for another file, more dimensions, or a type that is not a number.
 */
export function parseNpy(bytes: Uint8Array, options: { readonly name?: string } = {}): Table {
  requireOptions('options', options, ['name']);
  if (!(bytes instanceof Uint8Array)) throw invalidData('bytes', `must be a Uint8Array, got ${shown(bytes)}.`);
  const { name = 'table' } = options;
  requireOptional('options.name', name, 'string');
  const bad = (problem: string): UnspoolError => {
    const help = 'Save an array of numbers with one or two dimensions by numpy.save().';
    return new UnspoolError({ code: 'INVALID_FILE', file: name, problem, help });
  };
  const isNpy = [...MAGIC].every((c, i) => bytes[i] === c.charCodeAt(0));
  if (!isNpy || bytes.length < 12) throw bad('is not an .npy file.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isShort = bytes[6] === 1;
  const start = isShort ? 10 : 12;
  const length = isShort ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = new TextDecoder().decode(bytes.subarray(start, Math.min(bytes.length, start + length)));
  const match = HEADER.exec(header);
  if (!match) throw bad(`has a header that is not supported: ${shown(header.trim())}.`);
  const [, order, type, fortran, shapeText] = match;
  const shape = shapeText!
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  const read = READERS[type!];
  if (!read) throw bad(`contains values of type ${type}.`);
  if (shape.length < 1 || shape.length > 2) throw bad(`has ${shape.length} dimensions.`);
  const [rows, width = 1] = shape as [number, number?];
  const size = Number(type!.slice(1));
  if (rows * width * size !== bytes.length - start - length) {
    throw bad(`has ${bytes.length - start - length} bytes of data; its header says ${rows * width * size}.`);
  }
  if (rows * width === 0) throw bad('the array is empty.');
  const at = (row: number, column: number): number =>
    start + length + size * (fortran === 'True' ? column * rows + row : row * width + column);
  return new Table({
    name,
    columns: Array.from({ length: width }, (_, column) => `column${column + 1}`),
    cells: Array.from({ length: width }, (_, column) =>
      Float64Array.from({ length: rows }, (_, row) => read(view, at(row, column), order !== '>')),
    ),
    lines: Int32Array.from({ length: rows }, (_, row) => row + 1),
  });
}
