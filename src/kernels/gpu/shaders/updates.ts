/** Parameter updates. The formulas of the rules are in src/optim. */
import type { Lanes } from './lanes.js';
import type { Program } from './program.js';

/** Reads element j of each array. Thread x is in block `block` of the result, each of `part` groups of lanes. */
const blocks = (count: number, arrays: readonly string[], lanes: Lanes): string =>
  [
    'let j = x;',
    'let block = 0;',
    ...Array.from({ length: count - 1 }, () => 'if (j >= part) { j = j - part; block = block + 1; }'),
    ...arrays.map((a) => lanes.load(`v${a}`, a, 'j')),
  ].join('\n');

/** A program that writes several blocks of `size` elements: `lines` returns the element of the block in `block`. */
function blockProgram(
  [count, size]: readonly [number, number],
  arrays: readonly string[],
  scalars: readonly string[],
  lines: string,
  lanes: Lanes,
): Program {
  const part = Math.ceil(size / lanes.count);
  const body = `${blocks(count, arrays, lanes)}\n${lines}`;
  return lanes.program([count * part], arrays, body, { scalars, sizes: { part } });
}

/** The next weights and velocity of SGD with momentum. w, g, u: weights, gradient, velocity. */
export function momentumUpdate(
  size: number,
  { first, nesterov }: { readonly first: boolean; readonly nesterov: boolean },
  scalars: readonly string[],
  lanes: Lanes,
): Program {
  const v = (name: string, lane: number): string => lanes.get(`v${name}`, lane);
  const each = lanes.each(
    (i) => `const d${i} = ${v('g', i)} + decay * ${v('w', i)};
const next${i} = ${first ? `d${i}` : `momentum * ${v('u', i)} + kept * d${i}`};`,
  );
  const direction = (i: number): string => (nesterov ? `d${i} + momentum * next${i}` : `next${i}`);
  const lines = `${each}
if (block > 0) { ${lanes.result((i) => `next${i}`)} }
${lanes.result((i) => `${v('w', i)} - rate * (${direction(i)})`)}`;
  return blockProgram([2, size], ['w', 'g', 'u'], scalars, lines, lanes);
}

/** The next weights and both means of Adam and AdamW. w, g, m, v: weights, gradient, mean, mean of squares. */
export function adamUpdate(size: number, scalars: readonly string[], lanes: Lanes): Program {
  const v = (name: string, lane: number): string => lanes.get(`v${name}`, lane);
  const each = lanes.each(
    (i) => `const d${i} = ${v('g', i)} + l2 * ${v('w', i)};
const mean${i} = b1 * ${v('m', i)} + keep1 * d${i};
const square${i} = b2 * ${v('v', i)} + keep2 * d${i} * d${i};`,
  );
  const lines = `${each}
if (block == 1) { ${lanes.result((i) => `mean${i}`)} }
if (block == 2) { ${lanes.result((i) => `square${i}`)} }
${lanes.result((i) => `shrink * ${v('w', i)} - rate * mean${i} / (Math.sqrt(square${i}) / root + eps)`)}`;
  return blockProgram([3, size], ['w', 'g', 'm', 'v'], scalars, lines, lanes);
}
