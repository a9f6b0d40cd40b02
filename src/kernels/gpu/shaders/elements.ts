/** Element-wise programs. */
import { at } from './indexing.js';
import type { Lanes } from './lanes.js';
import type { Program } from './program.js';

/**
 * What an element-wise expression names: `v` and the name of an array for the element, scalars, and arrays of one
 * number.
 */
export interface ElementNames {
  readonly arrays: readonly string[];
  readonly scalars: readonly string[];
  readonly singles: readonly string[];
}

/** `size` elements of an expression. `va` is the element of array a. */
export function elementwise(
  size: number,
  { arrays, scalars, singles }: ElementNames,
  expression: string,
  lanes: Lanes,
): Program {
  const body = [
    ...singles.map((name) => `const ${name} = ${at(name, '0')};`),
    ...arrays.map((name) => lanes.load(`v${name}`, name, 'x')),
    lanes.result((lane) => expression.replace(/\bv([a-z])\b/g, (name) => lanes.get(name, lane))),
  ].join('\n');
  const options = { scalars, sizes: {}, scalarArrays: singles };
  return lanes.program([Math.ceil(size / lanes.count)], [...arrays, ...singles], body, options);
}
