/** The losses and their gradients. */
import type { CrossEntropyOptions } from '../../../src/core/kernels.js';
import type { Bench } from '../bench.js';
import * as oracle from '../oracle/index.js';
import { type Case, fail, SIZES, sequence } from './shared.js';

interface ClassCase {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly options?: (b: Bench) => CrossEntropyOptions;
  readonly logits?: (b: Bench, count: number) => number[];
  readonly ignored?: number;
}

const weights = (cols: number) => (b: Bench) => ({ classWeights: sequence(cols).map(() => 0.25 + b.random.uniform()) });

const CLASS_CASES: readonly ClassCase[] = [
  { name: '1x1', rows: 1, cols: 1 },
  { name: '1x2', rows: 1, cols: 2 },
  { name: '5x3', rows: 5, cols: 3 },
  { name: '7x33', rows: 7, cols: 33 },
  { name: '4x130', rows: 4, cols: 130 },
  { name: '5x7 sum', rows: 5, cols: 7, options: () => ({ reduction: 'sum' }) },
  { name: '6x5 with rows of -1', rows: 6, cols: 5, ignored: -1 },
  { name: '6x5 with rows of -1, sum', rows: 6, cols: 5, ignored: -1, options: () => ({ reduction: 'sum' }) },
  { name: '9x4 that ignores class 2', rows: 9, cols: 4, ignored: 2, options: () => ({ ignoreIndex: 2 }) },
  { name: '7x5 weighted', rows: 7, cols: 5, options: weights(5) },
  {
    name: '7x5 weighted, sum',
    rows: 7,
    cols: 5,
    options: (b) => ({ ...weights(5)(b), reduction: 'sum' }),
  },
  {
    name: '8x3 with a class of weight 0',
    rows: 8,
    cols: 3,
    options: () => ({ classWeights: [0, 2, 1.5] }),
  },
  { name: '7x5 smoothed', rows: 7, cols: 5, options: () => ({ labelSmoothing: 0.1 }) },
  { name: '3x6 smoothed to nothing', rows: 3, cols: 6, options: () => ({ labelSmoothing: 1 }) },
  {
    name: '9x5 weighted, smoothed, with rows of -1',
    rows: 9,
    cols: 5,
    ignored: -1,
    options: (b) => ({ ...weights(5)(b), labelSmoothing: 0.3 }),
  },
  {
    name: '9x5 weighted, smoothed, with rows of -1, sum',
    rows: 9,
    cols: 5,
    ignored: -1,
    options: (b) => ({ ...weights(5)(b), labelSmoothing: 0.3, reduction: 'sum' }),
  },
  { name: '6x5 logits times 400', rows: 6, cols: 5, logits: (b, n) => b.normals(n, 400) },
  { name: '4x6 logits at 10000', rows: 4, cols: 6, logits: (b, n) => b.exact(b.normals(n).map((v) => 1e4 + v)) },
  { name: '4x6 logits at -10000', rows: 4, cols: 6, logits: (b, n) => b.exact(b.normals(n).map((v) => v - 1e4)) },
  { name: '3x5 logits of 0', rows: 3, cols: 5, logits: (_, n) => new Array<number>(n).fill(0) },
  {
    name: '6x5 logits times 400, smoothed',
    rows: 6,
    cols: 5,
    logits: (b, n) => b.normals(n, 400),
    options: () => ({ labelSmoothing: 0.1 }),
  },
];

function classCase(b: Bench, { rows, cols, options, logits, ignored }: ClassCase) {
  const z = logits ? logits(b, rows * cols) : b.normals(rows * cols, 2);
  const targets = b.random.integers(rows, cols);
  if (ignored !== undefined) for (let r = 1; r < rows; r += 3) targets[r] = ignored;
  const settings = options?.(b);
  if (ignored !== undefined && targets.every((t) => t === ignored)) fail('nothing is left to measure');
  return { z, targets, settings, expected: oracle.crossEntropy(rows, cols, z, targets, settings) };
}

const softmaxCrossEntropy = CLASS_CASES.map(
  (c): Case => ({
    name: c.name,
    run(b) {
      const { z, targets, settings, expected } = classCase(b, c);
      const [loss, p] = [b.output('loss', 1, 1), b.output('probabilities', c.rows, c.cols)];
      const logits = b.place('logits', c.rows, c.cols, z);
      b.k.softmaxCrossEntropy(loss.matrix, p.matrix, logits.matrix, targets, settings);
      b.expect(loss, [expected.loss]);
      b.expect(p, expected.probabilities);
    },
  }),
);

const softmaxCrossEntropyGrad = CLASS_CASES.map(
  (c): Case => ({
    name: c.name,
    async run(b) {
      const { targets, settings, expected } = classCase(b, c);
      const p = b.place('probabilities', c.rows, c.cols, b.exact(expected.probabilities));
      const dz = b.output('dlogits', c.rows, c.cols);
      b.k.softmaxCrossEntropyGrad(dz.matrix, p.matrix, targets, settings);
      b.expect(dz, expected.gradient);
      const got = await b.read(dz);
      targets.forEach((t, r) => {
        if (t === c.ignored && got.slice(r * c.cols, (r + 1) * c.cols).some((v) => v !== 0)) fail(`row ${r} is not 0`);
      });
    },
  }),
);

type Measure = (values: readonly number[], target: readonly number[]) => { loss: number; gradient: number[] };

function valueLoss(
  value: 'meanSquaredError' | 'binaryCrossEntropy',
  measure: Measure,
  targets: (b: Bench, n: number) => number[],
  extremes: readonly number[],
): [Case[], Case[]] {
  const inputs = [
    ...SIZES.map(([rows, cols]) => ({
      name: `${rows}x${cols}`,
      rows,
      cols,
      y: (b: Bench) => b.normals(rows * cols, 2),
    })),
    { name: `of ${extremes}`, rows: 2, cols: extremes.length, y: () => [...extremes, ...extremes] },
  ];
  const loss = inputs.map(
    ({ name, rows, cols, y }): Case => ({
      name,
      run(b) {
        const [a, t] = [y(b), targets(b, rows * cols)];
        const out = b.output('loss', 1, 1);
        b.k[value](out.matrix, b.place('y', rows, cols, a).matrix, b.place('target', rows, cols, t).matrix);
        b.expect(out, [measure(a, t).loss]);
      },
    }),
  );
  const gradient = inputs.map(
    ({ name, rows, cols, y }): Case => ({
      name,
      run(b) {
        const [a, t] = [y(b), targets(b, rows * cols)];
        const out = b.output('dy', rows, cols);
        const [Y, target] = [b.place('y', rows, cols, a), b.place('target', rows, cols, t)];
        b.k[`${value}Grad`](out.matrix, Y.matrix, target.matrix);
        b.expect(out, measure(a, t).gradient);
      },
    }),
  );
  return [loss, gradient];
}

const [meanSquaredError, meanSquaredErrorGrad] = valueLoss(
  'meanSquaredError',
  oracle.squaredError,
  (b, n) => b.normals(n),
  [0, 1e6, -1e6, 1e-6],
);

const [binaryCrossEntropy, binaryCrossEntropyGrad] = valueLoss(
  'binaryCrossEntropy',
  oracle.binaryCrossEntropy,
  (b, n) => b.exact(sequence(n).map((i) => [0, 1, 0.5, b.random.uniform()][(i * 7 + Math.floor(i / 5)) % 4]!)),
  [0, 1000, -1000, 90, -90],
);

export const losses = {
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  meanSquaredError,
  meanSquaredErrorGrad,
  binaryCrossEntropy,
  binaryCrossEntropyGrad,
} satisfies Record<string, readonly Case[]>;
