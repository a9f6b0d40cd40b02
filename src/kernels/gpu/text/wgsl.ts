/**
 * What WebGPU runs in the place of some texts. gpu.js has a thread give four numbers and read one at a time; in WGSL one reads
 * and writes fours, at several places, so that nothing is worked out twice. The numbers stand where the text has them.
 * Pieces begin at multiples of four; `gid` is the thread's place, `wide` the columns in fours.
 */

import type { Wgsl } from '../values.js';

/** The first numbers, as indices. */
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** As gpu.js writes it: four `index` of an array's piece. */
const four = (array: string, index: string): string => `user_inu_u${array}[params.user_fromu_u${array} / 4 + ${index}]`;

const WIDE = 'let wide = i32(params.outputX);';
const UNIT = `${WIDE}
let N = params.user_N;
let x = i32(gid.x);
let n = i32(gid.y);
let unit = n * wide + x;
let gate = 4 * n * wide + x;`;

const FUNCTIONS = `
fn sigmoid(v : vec4<f32>) -> vec4<f32> { return 1.0 / (1.0 + exp(-v)); }
fn bounded_tanh(v : vec4<f32>) -> vec4<f32> { return tanh(clamp(v, vec4<f32>(-15.0), vec4<f32>(15.0))); }
`;

/** Where gpu.js has declared what a kernel has, and where its main function begins to compute. */
const PARTS =
  /^(?<declared>.*?result : array<f32>;\nvar<private> threadGid : vec3<u32>;\n).*?(?<main>@compute .*?)\n[^\n]*let data_index/s;

/** gpu.js's shader with another body, over arrays of fours; null if this is not how gpu.js writes one. */
export function inFours(shader: string, body: string): string | null {
  const { declared, main } = PARTS.exec(shader)?.groups ?? {};
  if (!declared || !main) return null;
  return `${declared.replaceAll('array<f32>', 'array<vec4<f32>>')}${FUNCTIONS}${main}\n${body}\n}\n`;
}

/** (F2)-(F4), as `cell` has it: a thread works out all six results of four units. */
export const CELL: Wgsl = {
  rows: 6,
  body: `${UNIT}
let i = sigmoid(${four('a', 'gate')});
let f = sigmoid(${four('a', 'gate + wide')});
let g = bounded_tanh(${four('a', 'gate + 2 * wide')});
let o = sigmoid(${four('a', 'gate + 3 * wide')});
let c = f * ${four('c', 'unit')} + i * g;
result[gate] = i;
result[gate + wide] = f;
result[gate + 2 * wide] = g;
result[gate + 3 * wide] = o;
result[4 * N * wide + unit] = c;
result[5 * N * wide + unit] = o * bounded_tanh(c);`,
};

/** (B4)-(B2), as `cellGrad` has it. */
export const CELL_GRAD: Wgsl = {
  rows: 6,
  body: `${UNIT}
let i = ${four('s', 'gate')};
let f = ${four('s', 'gate + wide')};
let g = ${four('s', 'gate + 2 * wide')};
let o = ${four('s', 'gate + 3 * wide')};
let dh = ${four('e', 'unit')};
let tc = bounded_tanh(${four('c', 'unit')});
let dc = ${four('d', 'unit')} + dh * o * (1.0 - tc * tc);
result[gate] = dc * g * i * (1.0 - i);
result[gate + wide] = dc * ${four('b', 'unit')} * f * (1.0 - f);
result[gate + 2 * wide] = dc * i * (1.0 - g * g);
result[gate + 3 * wide] = dh * tc * o * (1.0 - o);
result[4 * N * wide + unit] = dc;
result[5 * N * wide + unit] = dc * f;`,
};

/** Pieces one after the other, as `concatenation` has them. */
export function joined(names: readonly string[]): Wgsl {
  const lines = names.map((name, i) => {
    const give = `result[x] = ${four(name, i === 0 ? 'x' : `x - params.user_b${i}`)};`;
    return i === names.length - 1 ? give : `if (x < params.user_b${i + 1}) { ${give} return; }`;
  });
  return { rows: 1, body: ['let x = i32(flat_index);', ...lines].join('\n') };
}

/**
 * A product, as `wideProduct` has it: four columns of `rows` rows from row `y rows` on, which is 128 products for twelve reads.
 * C is a multiple of 4, and so is K or, where A stands the other way round, R and `rows`. Rows behind the last are worked out
 * in vain.
 */
export function product({ transA, accumulate }: { transA: boolean; accumulate: boolean }, rows: number): Wgsl {
  const all = upTo(rows);
  const fourTerms = [
    ...upTo(4).map((i) => `let e${i} = ${four('b', `(4 * k + ${i}) * wide + x`)};`),
    ...all.map((m) => `{ let w = ${four('a', `p${m} + k`)}; s${m} += w.x * e0 + w.y * e1 + w.z * e2 + w.w * e3; }`),
  ];
  const oneTerm = [
    `let e = ${four('b', 'k * wide + x')};`,
    ...upTo(rows / 4).map((j) => `let w${j} = ${four('a', `k * (R / 4) + row / 4 + min(${j}, last / 4)`)};`),
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
