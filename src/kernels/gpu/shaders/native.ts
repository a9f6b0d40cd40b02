/**
 * GLSL that texts call on WebGL 2. Where an element stands in its texture is worked out by gpu.js with divisions of integers,
 * which neither GPUs nor software drivers do several of at once; here with floats. For an array gpu.js passes the texture, its
 * size, and a size that is not needed.
 */
import type { Reading } from './indexing.js';

interface Native {
  readonly name: string;
  readonly source: string;
  /** Where gpu.js cannot tell by the source. */
  readonly types?: { readonly argumentTypes: Readonly<Record<string, string>>; readonly returnType: string };
}

/** Element `place` of a texture whose rows stand one after the other, or a part of it. */
function fetching(name: string, gives: 'vec4' | 'float', from: 1 | 4, place: string, part = ''): Native {
  return {
    name,
    // The quotient may be off by the last bit and the row by one, which shows in the column.
    source: `${gives} ${name}(sampler2D t, ivec2 size, ivec3 dim, float n) {
  vec2 s = vec2(size);
  float i = ${place};
  float row = floor(i / s.x);
  float column = i - row * s.x;
  float off = step(s.x, column) - step(column, -0.5);
  return texture(t, vec2(column - off * s.x + 0.5, row + off + 0.5) / s)${part};
}`,
    types: {
      argumentTypes: { t: `ArrayTexture(${from})`, n: 'Number' },
      returnType: gives === 'vec4' ? 'Array(4)' : 'Number',
    },
  };
}

export const NATIVE: readonly Native[] = [
  fetching('texel', 'vec4', 4, 'n'),
  fetching('single', 'float', 1, 'n', '.x'),
  fetching('pick', 'float', 4, 'floor(n * 0.25)', '[int(n - 4.0 * i)]'),
  {
    name: 'plus', // s + w E, where E has four rows
    source:
      'vec4 plus(vec4 s, vec4 w, vec4 e0, vec4 e1, vec4 e2, vec4 e3) { return s + w.x * e0 + w.y * e1 + w.z * e2 + w.w * e3; }',
  },
];

/** Numbers of textures, which are of single numbers or of fours. */
export const fetched =
  (isFours: (array: string) => boolean): Reading =>
  (array, place) =>
    `${isFours(array) ? 'pick' : 'single'}(in_${array}, ${place})`;
