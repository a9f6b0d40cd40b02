/**
 * WGSL that WebGPU runs instead of some programs. A thread of gpu.js reads one number at a time and writes four. In
 * WGSL it reads and writes vec4 values at several places, so that nothing is computed twice. The results have the same
 * layout as those of the program. Pieces begin at multiples of four. `gid` is the thread's place, `wide` the number of
 * columns in vec4 values.
 */

import { WGSL_FUNCTIONS } from './functions.js';
import { LANES, range } from './indexing.js';
import type { WgslBody } from './program.js';

/** Reads the vec4 `index` of an array's piece, under the names that gpu.js declares. */
const four = (array: string, index: string): string => `user_inu_u${array}[params.user_fromu_u${array} / 4 + ${index}]`;

/** Reads four rows of an array, which `added` adds. */
const fourRows = (array: string, index: (j: number) => string): string =>
  LANES.map((j) => `let e${j} = ${four(array, index(j))};`).join('\n');

/** Adds the four numbers `w` times four rows to a sum. */
const added = (sum: string, w: string): string => `${sum} += ${w}.x * e0 + ${w}.y * e1 + ${w}.z * e2 + ${w}.w * e3;`;

const WIDE = 'let wide = i32(params.outputX);';
const DEEP = 'let deep = params.user_deep / 4;';

/** The declarations of gpu.js, and the start of its main function up to where it begins to compute. */
const PARTS =
  /^(?<declared>.*?result : array<f32>;\nvar<private> threadGid : vec3<u32>;\n).*?(?<main>@compute .*?)\n[^\n]*let data_index/s;

/**
 * A shader of gpu.js with another body, over arrays of vec4 values; null if the shader does not have the expected form.
 */
export function toVec4Shader(shader: string, body: string): string | null {
  const { declared, main } = PARTS.exec(shader)?.groups ?? {};
  if (!declared || !main) return null;
  return `${declared.replaceAll('array<f32>', 'array<vec4<f32>>')}${WGSL_FUNCTIONS}${main}\n${body}\n}\n`;
}

const GATES = ['i', 'f', 'g', 'o'] as const;

/** (F2)-(F4) of a thread's row m, of pre-activations. */
const cellOf = (m: number, a: (q: number) => string): string => `
let i${m} = sigmoid(${a(0)});
let f${m} = sigmoid(${a(1)});
let g${m} = tanh_of(${a(2)});
let o${m} = sigmoid(${a(3)});
let c${m} = f${m} * ${four('c', `n${m} * wide + x`)} + i${m} * g${m};
${GATES.map((gate, q) => `result[(4 * n${m} + ${q}) * wide + x] = ${gate}${m};`).join('\n')}
result[(4 * N + n${m}) * wide + x] = c${m};
result[(5 * N + n${m}) * wide + x] = o${m} * tanh_of(c${m});`;

/** (B4)-(B2) of a thread's row m, of dh. */
const cellGradOf = (m: number, dh: string): string => `
${GATES.map((gate, q) => `let ${gate}${m} = ${four('s', `(4 * n${m} + ${q}) * wide + x`)};`).join('\n')}
let dh${m} = ${dh};
let tc${m} = tanh_of(${four('c', `n${m} * wide + x`)});
let dc${m} = ${four('d', `n${m} * wide + x`)} + dh${m} * o${m} * (1.0 - tc${m} * tc${m});
result[(4 * n${m}) * wide + x] = dc${m} * g${m} * i${m} * (1.0 - i${m});
result[(4 * n${m} + 1) * wide + x] = dc${m} * ${four('b', `n${m} * wide + x`)} * f${m} * (1.0 - f${m});
result[(4 * n${m} + 2) * wide + x] = dc${m} * i${m} * (1.0 - g${m} * g${m});
result[(4 * n${m} + 3) * wide + x] = dh${m} * tc${m} * o${m} * (1.0 - o${m});
result[(4 * N + n${m}) * wide + x] = dc${m};
result[(5 * N + n${m}) * wide + x] = dc${m} * f${m};`;

/** The `rows` rows of a thread, from row `gid.y rows` on: n0, n1, ... Indices after the last row are the last row. */
const rowsOf = (rows: number): string => `${WIDE}
let N = params.user_N;
let x = i32(gid.x);
${range(rows)
  .map((m) => `let n${m} = min(i32(gid.y) * ${rows} + ${m}, N - 1);`)
  .join('\n')}`;

/** (F2)-(F4), as `cellProgram`. A thread computes all six results of four units. */
export const WGSL_CELL: WgslBody = {
  rows: 6,
  body: `${rowsOf(1)}${cellOf(0, (q) => four('a', `(4 * n0 + ${q}) * wide + x`))}`,
};

/** (B4)-(B2), as `cellGradProgram`. */
export const WGSL_CELL_GRAD: WgslBody = { rows: 6, body: `${rowsOf(1)}${cellGradOf(0, four('e', 'n0 * wide + x'))}` };

/** (F1) and the cell: a (N,4H) + l (N,K) r (K,4H) are its pre-activations. K is a multiple of 4. */
export function wgslCellOfSum(rows: number): WgslBody {
  const all = range(rows);
  const terms = LANES.flatMap((q) => [
    `{ ${fourRows('r', (j) => `(4 * (4 * k + ${j}) + ${q}) * wide + x`)}`,
    ...all.map((m) => added(`a${m}${q}`, `w${m}`)),
    '}',
  ]);
  const body = `${rowsOf(rows)}
${DEEP}
${all.flatMap((m) => LANES.map((q) => `var a${m}${q} = ${four('a', `(4 * n${m} + ${q}) * wide + x`)};`)).join('\n')}
for (var k = 0; k < deep; k++) {
${all.map((m) => `let w${m} = ${four('l', `n${m} * deep + k`)};`).join('\n')}
${terms.join('\n')}
}
${all.map((m) => cellOf(m, (q) => `a${m}${q}`)).join('\n')}`;
  return { rows: 6 * rows, body };
}

/** (B4)-(B2) of dh = e (N,H) + l (N,K) r (K,H), which is the last block of the result. */
export function wgslCellGradOfSum(rows: number): WgslBody {
  const all = range(rows);
  const body = `${rowsOf(rows)}
${DEEP}
${all.map((m) => `var s${m} = ${four('e', `n${m} * wide + x`)};`).join('\n')}
for (var k = 0; k < deep; k++) {
${fourRows('r', (j) => `(4 * k + ${j}) * wide + x`)}
${all.map((m) => `{ let w = ${four('l', `n${m} * deep + k`)}; ${added(`s${m}`, 'w')} }`).join('\n')}
}
${all.map((m) => `${cellGradOf(m, `s${m}`)}\nresult[(6 * N + n${m}) * wide + x] = s${m};`).join('\n')}`;
  return { rows: 7 * rows, body };
}

/** Concatenates pieces, as `concatenation`. */
export function wgslConcatenation(names: readonly string[]): WgslBody {
  const lines = names.map((name, i) => {
    const give = `result[x] = ${four(name, i === 0 ? 'x' : `x - params.user_b${i}`)};`;
    return i === names.length - 1 ? give : `if (x < params.user_b${i + 1}) { ${give} return; }`;
  });
  return { rows: 1, body: ['let x = i32(flat_index);', ...lines].join('\n') };
}

/**
 * A product, as `vec4Product`: four columns of `rows` rows from row `y rows` on, so that eight rows take twelve reads
 * for 128 multiplications. C is a multiple of 4, and so are K or, if A is transposed, R and `rows`. Rows after the last
 * are computed and not written.
 */
export function wgslProduct({ transA, accumulate }: { transA: boolean; accumulate: boolean }, rows: number): WgslBody {
  const all = range(rows);
  const fourTerms = [
    fourRows('b', (j) => `(4 * k + ${j}) * wide + x`),
    ...all.map((m) => `{ let w = ${four('a', `p${m} + k`)}; ${added(`s${m}`, 'w')} }`),
  ];
  const oneTerm = [
    `let e = ${four('b', 'k * wide + x')};`,
    ...range(rows / 4).map((j) => `let w${j} = ${four('a', `k * (R / 4) + row / 4 + min(${j}, last / 4)`)};`),
    ...all.map((m) => `s${m} += w${m >> 2}[${m & 3}] * e;`),
  ];
  const begins = all.map((m) => `let p${m} = (row + min(${m}, last)) * (deep / 4);`);
  const started = all.map((m) => {
    const old = four('c', `(row + min(${m}, last)) * wide + x`);
    return `var s${m} = ${accumulate ? old : 'vec4<f32>()'};`;
  });
  const body = `${WIDE}
let R = params.user_R;
let deep = params.user_deep;
let x = i32(gid.x);
let row = i32(gid.y) * ${rows};
let last = R - 1 - row;
${[...(transA ? [] : begins), ...started].join('\n')}
for (var k = 0; k < ${transA ? 'deep' : 'deep / 4'}; k++) {
${(transA ? oneTerm : fourTerms).join('\n')}
}
${all.map((m) => `if (${m} <= last) { result[(row + ${m}) * wide + x] = s${m}; }`).join('\n')}`;
  return { rows, body };
}
