/** Functions of gpu.js expressions. */

/** `v`, or the limit if it is below. Without `Math.max`, which may return a number for NaN in a shader. */
export const atLeast = (limit: string, v: string): string => `(${v} < ${limit} ? ${limit} : ${v})`;

/** `v`, or the limit if it is above. */
export const atMost = (limit: string, v: string): string => `(${v} > ${limit} ? ${limit} : ${v})`;

/** `v` clamped to [-limit, limit]. */
export const clamp = (limit: string, v: string): string => `(${v} > ${limit} ? ${limit} : ${atLeast(`-${limit}`, v)})`;

/** tanh(v). From 89 on, a shader's own overflows to NaN; at 15 it is 1 in float32. */
export const tanh = (v: string): string => `Math.tanh(${clamp('15.0', v)})`;

/** 1 / (1 + exp(-v)). */
export const sigmoid = (v: string): string => `1.0 / (1.0 + Math.exp(-(${v})))`;

/** A number as a float literal: gpu.js takes `1` for an integer. */
export const floatLiteral = (v: number): string => {
  const text = String(v);
  return `(${/[.e]/.test(text) ? text : `${text}.0`})`;
};
