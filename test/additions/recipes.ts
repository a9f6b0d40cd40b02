/** One toy of each kind of addition, made by the steps of docs/contributing.md. */
import { read } from '../support/source.js';

/** A replacement in a file that exists. `find` must occur. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** How one toy is added to a copy of the sources. */
export interface Recipe {
  /** The heading in docs/contributing.md. */
  readonly heading: string;
  /** New files by path, with their text. */
  readonly newFiles: Readonly<Record<string, string>>;
  readonly edits: readonly Edit[];
}

const toy = (name: string): string => read(`test/additions/toys/${name}.txt`);

const before = (file: string, find: string, text: string): Edit => ({ file, find, replace: `${text}${find}` });

const optimizer: Recipe = {
  heading: 'An optimizer',
  newFiles: { 'src/optim/sign-sgd.ts': toy('sign-sgd') },
  edits: [
    before('src/optim/rules.ts', "export * from './sgd.js'", "export * from './sign-sgd.js';\n"),
    before('src/optim/names.ts', "  'sgd',\n", "  'signSgd',\n"),
    before(
      'src/index.ts',
      'export {\n  chain,',
      "export { type SignSgdSettings, signSgd } from './optim/sign-sgd.js';\n",
    ),
  ],
};

const estimator: Recipe = {
  heading: 'A gradient estimator',
  newFiles: { 'src/estimators/methods/random-direction.ts': toy('random-direction') },
  edits: [
    before(
      'src/estimators/methods/index.ts',
      'export { rtrl }',
      "export { randomDirection } from './random-direction.js';\n",
    ),
  ],
};

/** A cell with an input gate and no other: every condition on a left-out forget or output gate holds for it too. */
const orInputOnly = (file: string, of: string): Edit[] =>
  ['noForget', 'noOutput'].map((gate) => ({
    file,
    find: `${of}.gates === '${gate}'`,
    replace: `(${of}.gates === '${gate}' || ${of}.gates === 'inputOnly')`,
  }));

const cellVariant: Recipe = {
  heading: 'A cell variant',
  newFiles: {},
  edits: [
    { file: 'src/contract/options.ts', find: "'noOutput', 'coupled'", replace: "'noOutput', 'inputOnly', 'coupled'" },
    ...orInputOnly('src/kernels/reference/cell-halves.ts', 'variant'),
    before(
      'src/kernels/wasm/assembly/gates.ts',
      'export const coupledGates',
      'export const inputOnlyGates: i32 = INPUT;\n',
    ),
    ...orInputOnly('src/kernels/gpu/shaders/cell-halves.ts', 'variant'),
    ...orInputOnly('src/core/lstm/gate-gradients.ts', 'variant'),
  ],
};

const SCALE_CHECK = `  scale(path, spec) {
    requireKeys(path, spec, ['kind', 'factor', 'name']);
    requireNumber(path + '.factor', spec.factor, -1e6, 1e6);
  },
`;

const layer: Recipe = {
  heading: 'A layer',
  newFiles: { 'src/core/layers/scale.ts': toy('scale') },
  edits: [
    before('src/core/layers/registry.ts', 'import type { LayerSpec }', "import { scale } from './scale.js';\n"),
    { file: 'src/core/layers/registry.ts', find: 'repeat, activity };', replace: 'repeat, scale, activity };' },
    before('src/core/layers/sizes.ts', 'import type { RepeatSpec }', "import type { ScaleSpec } from './scale.js';\n"),
    before('src/core/layers/sizes.ts', '  readonly activity:', '  readonly scale: ScaleSpec;\n'),
    before('src/core/spec-check.ts', '  activity(path, spec', SCALE_CHECK),
    before('src/index.ts', 'export { Vocabulary }', "export type { ScaleSpec } from './core/layers/scale.js';\n"),
  ],
};

const logCosh = (loss: string, slope: string): readonly [string, string] => [
  `      case 'logCosh':\n        return \`${loss}\`;\n`,
  `      case 'logCosh':\n        return \`${slope}\`;\n`,
];
const shaderOf = (table: string, text: string): Edit =>
  before('src/kernels/gpu/shaders/losses.ts', `      case 'huber':\n        return \`${table}`, text);
const [shaderLoss, shaderSlope] = logCosh(
  `\${e} + Math.log(1.0 + Math.exp(-2.0 * \${e})) - Math.log(2.0)`,
  `share * (2.0 / (1.0 + Math.exp(-2.0 * \${e})) - 1.0)`,
);

const loss: Recipe = {
  heading: 'A loss',
  newFiles: {},
  edits: [
    before(
      'src/contract/options.ts',
      "  | { readonly kind: 'binaryCrossEntropy' }",
      "  | { readonly kind: 'logCosh' }\n",
    ),
    before('src/contract/options.ts', "  'binaryCrossEntropy',", "  'logCosh',\n"),
    before('src/core/losses.ts', '  binaryCrossEntropy: [],', '  logCosh: [],\n'),
    before(
      'src/kernels/reference/losses.ts',
      "    case 'huber':\n      return Math.abs",
      "    case 'logCosh':\n      return Math.log(Math.cosh(e));\n",
    ),
    before(
      'src/kernels/reference/losses.ts',
      "    case 'huber':\n      return Math.min",
      "    case 'logCosh':\n      return Math.tanh(e);\n",
    ),
    before(
      'src/kernels/wasm/assembly/value-losses.ts',
      '/** (L5) */',
      `export function logCoshLoss(y: f32, t: f32, p: f32): f64 {
  const e = error(y, t);
  return e + log1p(<f64>exp1(<f32>(-2 * e))) - Math.LN2;
}

export function logCoshSlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  return scale * (2 / (1 + exp1(-2 * (y - t))) - 1);
}

`,
    ),
    shaderOf('Math.min(Math.abs', shaderLoss),
    shaderOf('share * Math.min', shaderSlope),
  ],
};

const backend: Recipe = {
  heading: 'A backend',
  newFiles: {
    'src/kernels/minimal/backend.ts': toy('minimal-backend'),
    'src/kernels/minimal/index.ts': read('test/kernels/minimal.ts')
      .replaceAll('../../src/kernels/', '../')
      .replaceAll('../../src/', '../../'),
  },
  edits: [
    before('src/kernels/select.ts', 'import { reference }', "import { minimal } from './minimal/backend.js';\n"),
    {
      file: 'src/kernels/select.ts',
      find: '{ wasm, blas, reference, gpu }',
      replace: '{ wasm, blas, reference, gpu, minimal }',
    },
  ],
};

const command: Recipe = {
  heading: 'A CLI command',
  newFiles: { 'src/cli/echo.ts': toy('echo') },
  edits: [
    before('src/cli/commands.ts', 'import { evalCommand }', "import { echoCommand } from './echo.js';\n"),
    before('src/cli/commands.ts', '  evalCommand,', '  echoCommand,\n'),
  ],
};

/** All of them, in the order of the page. */
export const RECIPES: readonly Recipe[] = [optimizer, estimator, cellVariant, layer, loss, backend, command];
