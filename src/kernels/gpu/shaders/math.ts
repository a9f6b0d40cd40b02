/** Functions of gpu.js expressions. */

/** `v`, or the limit if it is below. Without `Math.max`, which may return a number for NaN in a shader. */
export const atLeast = (limit: string, v: string): string => `(${v} < ${limit} ? ${limit} : ${v})`;

/** `v`, or the limit if it is above. */
export const atMost = (limit: string, v: string): string => `(${v} > ${limit} ? ${limit} : ${v})`;

/** `v` clamped to [-limit, limit]. */
export const clamp = (limit: string, v: string): string => `(${v} > ${limit} ? ${limit} : ${atLeast(`-${limit}`, v)})`;

/** tanh(v). The functions are in functions.ts. */
export const tanh = (v: string): string => `tanhOf(${v})`;

/** 1 / (1 + exp(-v)). */
export const sigmoid = (v: string): string => `sigmoidOf(${v})`;

/** e^v. */
export const exp = (v: string): string => `expOf(${v})`;

/** e^v - 1 for v <= 20. */
export const expMinus1 = (v: string): string => `expMinus1(${v})`;

/** log(1 + v) for v >= 0. */
export const log1p = (v: string): string => `logOf1Plus(${v})`;

/** A number as a float literal: gpu.js takes `1` for an integer. */
export const floatLiteral = (v: number): string => {
  const text = String(v);
  return `(${/[.e]/.test(text) ? text : `${text}.0`})`;
};
