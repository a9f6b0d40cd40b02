/**
 * Writes the register tiles of the matrix product as AssemblyScript.
 *
 * A tile keeps mr rows by nv vectors (of 4 columns) of the result in registers while it walks along k. Locals cannot be
 * indexed, so each size is text of its own; this is the text.
 *
 * `rows`: A is row-major, one pointer a row. `packed`: A lies in panels [k][mr], one pointer for all.
 * B always lies in panels [k][nv * 4].
 */

const range = (n) => Array.from({ length: n }, (_, i) => i);

function tile({ mr, nv, packed }) {
  const rows = range(mr);
  const cols = range(nv);
  const acc = (i, j) => `c${i}${j}`;
  const sum = (i, j) => `${acc(i, j)} = fma(x, b${j}, ${acc(i, j)});`;
  const name = `${packed ? 'packed' : 'rows'}${mr}x${nv}`;
  const pointer = (i) => (packed || i === 0 ? 'a' : `a${i}`);
  const lines = [
    `/** C tile of ${mr} rows by ${4 * nv} columns; see tiles.mjs. */`,
    `export function ${name}(a: usize, lda: usize, b: usize, c: usize, ldc: usize, kc: i32, set: bool): void {`,
    ...(packed ? [] : rows.slice(1).map((i) => `  let a${i} = ${pointer(i - 1)} + lda;`)),
    `  const end = b + (<usize>kc) * ${16 * nv};`,
    ...rows.map((i) => `  let ${cols.map((j) => `${acc(i, j)} = f32x4.splat(0)`).join(', ')};`),
    '  do {',
    `    const ${cols.map((j) => `b${j} = v128.load(b, ${16 * j})`).join(', ')};`,
    ...rows.map((i) => {
      const load = `x = v128.load32_splat(${packed ? `a, ${4 * i}` : pointer(i)});`;
      return `    ${i === 0 ? 'let ' : ''}${load} ${cols.map((j) => sum(i, j)).join(' ')}`;
    }),
    packed ? `    a += ${4 * mr};` : `    ${rows.map((i) => `${pointer(i)} += 4;`).join(' ')}`,
    `    b += ${16 * nv};`,
    '  } while (b < end);',
    '  let at = c;',
    '  if (!set) {',
    ...rows.flatMap((i) => [
      `    ${cols.map((j) => `${acc(i, j)} = f32x4.add(${acc(i, j)}, v128.load(at, ${16 * j}));`).join(' ')}`,
      ...(i < mr - 1 ? ['    at += ldc;'] : []),
    ]),
    '    at = c;',
    '  }',
    ...rows.flatMap((i) => [
      `  ${cols.map((j) => `v128.store(at, ${acc(i, j)}, ${16 * j});`).join(' ')}`,
      ...(i < mr - 1 ? ['  at += ldc;'] : []),
    ]),
    '}',
  ];
  return lines.join('\n');
}

/**
 * One row by \`panels\` panels of B at once: with a single row, a panel has too few sums to hide the latency of an add.
 */
function wideRow({ nv, panels }) {
  const all = range(panels).flatMap((p) => range(nv).map((j) => ({ p, j, acc: `c${p}${j}` })));
  return [
    `/** One row by ${panels * nv * 4} columns: ${panels} panels of B, \`stride\` bytes apart. */`,
    'export function wideRow(a: usize, b: usize, stride: usize, c: usize, kc: i32, set: bool): void {',
    ...range(panels - 1).map((p) => `  let q${p + 1} = ${p === 0 ? 'b' : `q${p}`} + stride;`),
    '  const end = a + ((<usize>kc) << 2);',
    `  let ${all.map(({ acc }) => `${acc} = f32x4.splat(0)`).join(', ')};`,
    '  do {',
    '    const x = v128.load32_splat(a);',
    ...all.map(({ p, j, acc }) => `    ${acc} = fma(x, v128.load(${p === 0 ? 'b' : `q${p}`}, ${16 * j}), ${acc});`),
    '    a += 4;',
    `    b += ${16 * nv}; ${range(panels - 1)
      .map((p) => `q${p + 1} += ${16 * nv};`)
      .join(' ')}`,
    '  } while (a < end);',
    '  if (!set) {',
    ...all.map(({ p, j, acc }) => `    ${acc} = f32x4.add(${acc}, v128.load(c, ${16 * (p * nv + j)}));`),
    '  }',
    ...all.map(({ p, j, acc }) => `  v128.store(c, ${acc}, ${16 * (p * nv + j)});`),
    '}',
  ].join('\n');
}

function dispatch({ mr, nv, packed }) {
  const kind = packed ? 'packed' : 'rows';
  const heights = range(mr).map((i) => i + 1);
  return [
    `/** The tile of \`height\` rows, 1 to ${mr}. */`,
    `export function ${kind}Tile(height: i32, a: usize, lda: usize, b: usize, c: usize, ldc: usize, kc: i32, set: bool): void {`,
    `  if (height == ${mr}) ${kind}${mr}x${nv}(a, lda, b, c, ldc, kc, set);`,
    ...heights
      .slice(0, -1)
      .reverse()
      .map((h) => `  else if (height == ${h}) ${kind}${h}x${nv}(a, lda, b, c, ldc, kc, set);`),
    '}',
  ].join('\n');
}

/** The AssemblyScript module for tiles of up to `mr` rows by `nv` vectors. */
export function tilesSource({ mr, nv }) {
  const heights = range(mr).map((i) => i + 1);
  const panels = Math.max(1, 8 / nv); // eight running sums
  return [
    '// Made by tiles.mjs; do not edit.',
    "import { fma } from './math';",
    `export const MR: i32 = ${mr}; // rows of a tile`,
    `export const NR: i32 = ${4 * nv}; // columns of a tile and of a panel of B`,
    `export const WIDE: i32 = ${panels}; // panels that wideRow takes at once`,
    ...heights.flatMap((h) => [tile({ mr: h, nv, packed: false }), tile({ mr: h, nv, packed: true })]),
    dispatch({ mr, nv, packed: false }),
    dispatch({ mr, nv, packed: true }),
    wideRow({ nv, panels }),
    '',
  ].join('\n\n');
}
