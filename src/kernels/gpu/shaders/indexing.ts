/** How a program reads the elements of its arrays, and the programs that only move numbers. */
import { type Program, program } from './program.js';

/**
 * Reads element `index` of an array's piece. It is a marker, which the device replaces by an expression
 * (`expandReads`).
 */
export const at = (array: string, index: string): string => `@{${array}: ${index}}`;

const MARKER = /@\{(\w+): ([^{}]*)\}/g;

/** The expression that reads element `place` of an array. */
export type ArrayReader = (array: string, place: string) => string;

/** Reads an array as gpu.js does. */
export const readArray: ArrayReader = (array, place) => `in_${array}[${place}]`;

/** Replaces the markers of a body. Markers may be nested. */
export function expandReads(body: string, reader: ArrayReader): string {
  const next = body.replace(MARKER, (_, array: string, index: string) => reader(array, `from_${array} + ${index}`));
  return next === body ? body : expandReads(next, reader);
}

/** 0, 1, ..., count - 1. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The indices of the numbers of a vec4. */
export const LANES = [0, 1, 2, 3] as const;

/** Packs numbers into vec4 values. */
export const packVec4 = (size: number): Program => {
  const parts = LANES.map((i) => at('a', `x * 4 + ${i}`));
  return { ...program([Math.ceil(size / 4)], ['a'], `return [${parts.join(', ')}];`, { sizes: {} }), vec4Output: true };
};

/** Copies numbers one by one, to upload or read them. */
export const copyProgram = (size: number): Program => program([size], ['a'], `return ${at('a', 'x')};`, { sizes: {} });
