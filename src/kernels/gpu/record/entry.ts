/** The instructions that a trace consists of, and how others compare with them. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Segment, Window } from './allocation.js';
import type { Call, Piece, Value } from './values.js';

/** The name of an instruction. */
export type InstructionName = keyof Kernels;

/** What an instruction did when it was recorded. What it did within a concatenation is left out. */
export interface EntryLog {
  /** The pieces that it read, in order. */
  readonly pieces: Piece[];
  /** What it asked about constant matrices, in order. */
  readonly constants: (number | null)[];
  readonly calls: Call[];
  /** Its values from host memory. */
  readonly hosts: Value[];
}

/** An instruction. Its arguments are copies, except for matrices; an upload has the number of its elements. */
export interface Entry {
  readonly name: InstructionName;
  readonly args: readonly unknown[];
  /** Null if what it did was not recorded. */
  readonly log: EntryLog | null;
}

/** Segments of the allocations that a trace uses, before its first instruction and after its last one. */
export interface Transition {
  readonly before: readonly Segment[];
  readonly after: readonly Segment[];
  /** The version of the allocation after the last instruction. */
  readonly version: number;
}

const isWindow = (arg: object): arg is Window => 'base' in arg;
const isPlain = (arg: object): boolean => Array.isArray(arg) || Object.getPrototypeOf(arg) === Object.prototype;

/** Calls `visit` with each matrix of an argument. */
export function eachWindow(arg: unknown, visit: (window: Window) => void): void {
  if (typeof arg !== 'object' || arg === null || ArrayBuffer.isView(arg)) return;
  if (isWindow(arg)) visit(arg);
  else for (const field of Object.values(arg)) eachWindow(field, visit);
}

/** Whether an argument is a matrix or consists of matrices, such as the results of a time step. It does not change. */
const isOfMatrices = (arg: object): boolean =>
  isWindow(arg) || Object.values(arg).every((field) => typeof field === 'object' && field !== null && isWindow(field));

/** A copy of an argument, which its caller may change. */
export function copyOf(arg: unknown): unknown {
  if (typeof arg !== 'object' || arg === null) return arg;
  if (ArrayBuffer.isView(arg)) return (arg as Float32Array).slice();
  if (isOfMatrices(arg) || !isPlain(arg)) return arg;
  if (Array.isArray(arg)) return arg.map(copyOf);
  return Object.fromEntries(Object.entries(arg).map(([name, field]) => [name, copyOf(field)]));
}

/** How an argument compares with the one that is expected. Numbers in host memory may always differ. */
export const DIFFERENT = 0;
export const OTHER_NUMBERS = 1;
export const EQUAL = 2;

export function compare(expected: unknown, arg: unknown): number {
  if (typeof arg !== 'object' || arg === null || typeof expected !== 'object' || expected === null) {
    if (Object.is(expected, arg)) return EQUAL;
    return typeof arg === 'number' && typeof expected === 'number' ? OTHER_NUMBERS : DIFFERENT;
  }
  if (expected === arg) return EQUAL; // no copy: it does not change
  if ('base' in arg) return compareWindows(expected as Window, arg as Window);
  if (ArrayBuffer.isView(arg)) return compareNumbers(expected as ArrayLike<number>, arg as Float32Array);
  return isPlain(arg) ? compareFields(expected as Fields, arg as Fields) : DIFFERENT;
}

type Fields = Readonly<Record<string, unknown>>;

function compareWindows(a: Window, b: Window): number {
  return a.base === b.base && a.offset === b.offset && a.rows === b.rows && a.cols === b.cols ? EQUAL : DIFFERENT;
}

const compareNumbers = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  ArrayBuffer.isView(a) && a.length === b.length ? OTHER_NUMBERS : DIFFERENT;

function compareFields(expected: Fields, fields: Fields): number {
  let found = EQUAL;
  let count = 0;
  for (const name in fields) {
    count++;
    found = Math.min(found, compare(expected[name], fields[name]));
    if (found === DIFFERENT) return DIFFERENT;
  }
  for (const _ in expected) count--;
  return count === 0 ? found : DIFFERENT;
}
