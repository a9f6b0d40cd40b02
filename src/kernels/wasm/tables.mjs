/**
 * Writes assembly/contract.ts: the constants and tables of src/contract/options.ts as AssemblyScript.
 *
 * For each table there is a function that takes the index of a name and calls the function of that name. A name that has no
 * such function in the AssemblyScript sources is therefore a compile error.
 */

/** Each table: where its functions are, their suffix, and the dispatching function with its parameters and result. */
const DISPATCHES = [
  {
    table: 'ACTIVATIONS',
    from: './activations',
    suffix: 'Value',
    doc: 'f(x) of an activation.',
    signature: 'activate(index: i32, alpha: f64, beta: f64, x: v128): v128',
    call: '(x, alpha, beta)',
  },
  {
    table: 'ACTIVATIONS',
    from: './activations',
    suffix: 'Slope',
    doc: "f'(x) of an activation, computed from s = f(x).",
    signature: 'slopeAt(index: i32, alpha: f64, beta: f64, s: v128): v128',
    call: '(s, alpha, beta)',
  },
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

/** The AssemblyScript module for the exports of src/contract/options.ts. */
export function contractSource(contract) {
  return [
    '// Generated from src/contract/options.ts by tables.mjs; do not edit.',
    `export enum ValueLoss { ${contract.VALUE_LOSSES.join(', ')} }`,
    ...DISPATCHES.map((each) => dispatch(contract, each)),
    '',
  ].join('\n\n');
}
