/**
 * Writes assembly/contract.ts: the constants and tables of src/contract/options.ts as AssemblyScript.
 *
 * For each table there is a function that takes the index of a name and calls the function of that name; for the activations, a loop
 * over a row, so that the name is looked up once for each row. A name that has no
 * such function in the AssemblyScript sources is therefore a compile error.
 */

/** Each table: where its functions are, their suffix, and the dispatching function with its parameters and result. */
const DISPATCHES = [
  {
    table: 'GATE_SETS',
    from: './gates',
    suffix: 'Gates',
    doc: 'The gates of a set: a sum of the flags in gates.ts.',
    signature: 'gatesOf(index: i32): i32',
    call: '',
  },
  {
    table: 'VALUE_LOSSES',
    from: './value-losses',
    suffix: 'Loss',
    doc: 'The loss of one element.',
    signature: 'elementLoss(index: i32, y: f32, t: f32, p: f32): f64',
    call: '(y, t, p)',
  },
  {
    table: 'VALUE_LOSSES',
    from: './value-losses',
    suffix: 'Slope',
    doc: 'The derivative of the loss of one element by y, times `scale`.',
    signature: 'elementSlope(index: i32, y: f32, t: f32, p: f32, scale: f32): f32',
    call: '(y, t, p, scale)',
  },
];

function dispatch(contract, { table, from, suffix, doc, signature, call }) {
  const names = contract[table];
  return [
    `import { ${names.map((name) => name + suffix).join(', ')} } from '${from}';`,
    `/** ${doc} */`,
    `export function ${signature} {`,
    '  switch (index) {',
    ...names.map((name, index) => `    case ${index}: return ${name}${suffix}${call}; // ${table}`),
    '    default: return unreachable();',
    '  }',
    '}',
  ].join('\n');
}

/** Loops over the n units of a row: `out` = f(x), and `d` *= f'(x) computed from s = f(x). */
const ROW_LOOPS = [
  { name: 'activateRow', suffix: 'Value', out: 'out', from: 'x', result: 'f' },
  { name: 'slopeRow', suffix: 'Slope', out: 'd', from: 's', result: 'scaled' },
];

/** Eight units at a time, loads before stores (see assembly/cell.ts). The last ones of a row are computed in a copy. */
function rowLoop(contract, { name, suffix, out, from, result }) {
  const value = (activation, offset) => {
    const f = `${activation}${suffix}(v128.load(${from}At, ${offset}), alpha, beta)`;
    return result === 'f' ? f : `f32x4.mul(v128.load(${out}At, ${offset}), ${f})`;
  };
  const loop = (activation) => [
    `function ${activation}${suffix}s(alpha: f64, beta: f64, ${out}: usize, ${from}: usize, n: i32): void {`,
    `  for (let left = n; left > 0; left -= 8, ${out} += 32, ${from} += 32) {`,
    `    const ${from}At = eightAt(${from}, left, 0);`,
    `    const ${out}At = eightAt(${out}, left, 32);`,
    `    const first = ${value(activation, 0)};`,
    `    const second = ${value(activation, 16)};`,
    `    v128.store(${out}At, first);`,
    `    v128.store(${out}At, second, 16);`,
    `    if (left < 8) memory.copy(${out}, ${out}At, <usize>left << 2);`,
    '  }',
    '}',
  ];
  const names = contract.ACTIVATIONS;
  return [
    `import { ${names.map((activation) => activation + suffix).join(', ')} } from './activations';`,
    ...names.flatMap(loop),
    `export function ${name}(index: i32, alpha: f64, beta: f64, ${out}: usize, ${from}: usize, n: i32): void {`,
    '  switch (index) {',
    ...names.map(
      (activation, index) => `    case ${index}: ${activation}${suffix}s(alpha, beta, ${out}, ${from}, n); return;`,
    ),
    '    default: unreachable();',
    '  }',
    '}',
  ].join('\n');
}

/** The AssemblyScript module for the exports of src/contract/options.ts. */
export function contractSource(contract) {
  return [
    '// Generated from src/contract/options.ts by tables.mjs; do not edit.',
    `export enum ValueLoss { ${contract.VALUE_LOSSES.join(', ')} }`,
    ...DISPATCHES.map((each) => dispatch(contract, each)),
    "import { eightAt } from './lanes';",
    ...ROW_LOOPS.map((each) => rowLoop(contract, each)),
    '',
  ].join('\n\n');
}
