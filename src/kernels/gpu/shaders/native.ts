/**
 * GLSL functions that programs call on WebGL 2. gpu.js locates an element in its texture with integer divisions, which
 * neither GPUs nor software drivers vectorize. These functions use floats. For an array, gpu.js passes the texture, its
 * size, and a size that is not needed.
 */
import { GLSL_POWER2 } from './functions.js';
import type { ArrayReader } from './indexing.js';

interface NativeFunction {
  readonly name: string;
  readonly source: string;
  /** Set if gpu.js cannot infer the types from the source. */
  readonly types?: { readonly argumentTypes: Readonly<Record<string, string>>; readonly returnType: string };
}

/** Reads element `place` of a texture in row-major order, or a part of the element. */
function fetching(name: string, gives: 'vec4' | 'float', from: 1 | 4, place: string, part = ''): NativeFunction {
  return {
    name,
    // The quotient may be wrong in the last bit, and the row by one. The column shows it.
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

export const NATIVE_FUNCTIONS: readonly NativeFunction[] = [
  fetching('texel', 'vec4', 4, 'n'),
  fetching('single', 'float', 1, 'n', '.x'),
  fetching('pick', 'float', 4, 'floor(n * 0.25)', '[int(n - 4.0 * i)]'),
  { name: 'power2', source: GLSL_POWER2, types: { argumentTypes: { n: 'Number' }, returnType: 'Number' } },
  {
    name: 'plus', // s + w E, where E has four rows
    source:
      'vec4 plus(vec4 s, vec4 w, vec4 e0, vec4 e1, vec4 e2, vec4 e3) { return s + w.x * e0 + w.y * e1 + w.z * e2 + w.w * e3; }',
  },
];

/** Reads numbers of textures that hold vec4 values or single numbers. */
export const readTexture =
  (isVec4: (array: string) => boolean): ArrayReader =>
  (array, place) =>
    `${isVec4(array) ? 'pick' : 'single'}(in_${array}, ${place})`;
