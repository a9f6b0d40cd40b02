/** The losses and their gradients. */
import type { CrossEntropyOptions, ValueLoss } from '../../../src/contract/kernels.js';
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
  /** Weight of row r. */
  readonly rowWeight?: (r: number) => number;
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
  { name: '3x6 with label smoothing 1', rows: 3, cols: 6, options: () => ({ labelSmoothing: 1 }) },
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
  { name: '6x5 rows weighted, some by 0', rows: 6, cols: 5, rowWeight: (r) => (r % 3) * 0.75 },
  {
    name: '9x5 rows and classes weighted, smoothed, with rows of -1',
    rows: 9,
    cols: 5,
    ignored: -1,
    options: (b) => ({ ...weights(5)(b), labelSmoothing: 0.3 }),
    rowWeight: (r) => 0.5 + (r % 2),
  },
  { name: '4x3 with row weights of 0 only', rows: 4, cols: 3, rowWeight: () => 0 },
  { name: '2x3 with ignored rows only', rows: 2, cols: 3, ignored: -1 },
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

function classCase(b: Bench, { rows, cols, options, logits, ignored, rowWeight }: ClassCase) {
  const z = logits ? logits(b, rows * cols) : b.normals(rows * cols, 2);
  const targets = b.random.integers(rows, cols);
  if (ignored !== undefined) for (let r = rows > 2 ? 1 : 0; r < rows; r += rows > 2 ? 3 : 1) targets[r] = ignored;
  const settings = options?.(b);
  const rowWeights = rowWeight ? sequence(rows).map(rowWeight) : null;
  return {
    z,
    targets,
    settings,
    rowWeights,
    expected: oracle.crossEntropy(rows, cols, z, targets, settings, rowWeights),
  };
}

const softmaxCrossEntropy = CLASS_CASES.map(
  (c): Case => ({
    name: c.name,
    run(b) {
      const { z, targets, settings, rowWeights, expected } = classCase(b, c);
      const [loss, p] = [b.output('loss', 1, 1), b.output('probabilities', c.rows, c.cols)];
      const logits = b.place('logits', c.rows, c.cols, z);
      b.k.softmaxCrossEntropy(loss.matrix, p.matrix, logits.matrix, { classes: targets, rowWeights }, settings);
      b.expect(loss, [expected.loss]);
      b.expect(p, expected.probabilities);
    },
  }),
);

const softmaxCrossEntropyGrad = CLASS_CASES.map(
  (c): Case => ({
    name: c.name,
    async run(b) {
      const { targets, settings, rowWeights, expected } = classCase(b, c);
      const p = b.place('probabilities', c.rows, c.cols, b.exact(expected.probabilities));
      const dz = b.output('dlogits', c.rows, c.cols);
      b.k.softmaxCrossEntropyGrad(dz.matrix, p.matrix, { classes: targets, rowWeights }, settings);
      b.expect(dz, expected.gradient);
      const got = await b.read(dz);
      targets.forEach((t, r) => {
        if (t === c.ignored && got.slice(r * c.cols, (r + 1) * c.cols).some((v) => v !== 0)) fail(`row ${r} is not 0`);
      });
    },
  }),
);

interface ValueCase {
  readonly name: string;
  readonly kind: ValueLoss;
  /** Columns of the output for each of the target. */
  readonly each: number;
  readonly targets?: (b: Bench, n: number) => number[];
  readonly extremes: readonly number[];
}

const VALUE_CASES: readonly ValueCase[] = [
  { name: 'squared', kind: { kind: 'meanSquaredError' }, each: 1, extremes: [0, 1e6, -1e6, 1e-6] },
  { name: 'absolute', kind: { kind: 'meanAbsoluteError' }, each: 1, extremes: [0, 1e6, -1e6, 1e-6] },
  { name: 'huber', kind: { kind: 'huber', delta: 0.75 }, each: 1, extremes: [0, 1e6, -1e6, 1e-6] },
  { name: 'quantile', kind: { kind: 'quantile', quantiles: [0.1, 0.5, 0.95] }, each: 3, extremes: [0, 1e6, -1e6] },
  {
    name: 'binary',
    kind: { kind: 'binaryCrossEntropy' },
    each: 1,
    targets: (b, n) =>
      b.exact(sequence(n).map((i) => [0, 1, 0.5, b.random.uniform()][(i * 7 + Math.floor(i / 5)) % 4]!)),
    extremes: [0, 1000, -1000, 90, -90],
  },
  { name: 'gaussian', kind: { kind: 'gaussian' }, each: 2, extremes: [0, 3, -3, 10] },
];

const WEIGHTS: Readonly<Record<string, ((r: number) => number) | null>> = {
  '': null,
  ', rows weighted': (r) => ((r + 1) % 3) * 0.75,
  ', no weight at all': () => 0,
};

/** Each kind with several sizes and weights, and with extreme values. */
const valueCases = (
  run: (b: Bench, c: ValueCase, rows: number, y: number[], t: number[], w: number[] | null) => void,
) =>
  VALUE_CASES.flatMap((c): Case[] => [
    ...SIZES.flatMap(([rows, width]) =>
      Object.entries(WEIGHTS).map(([more, weight]) => ({
        name: `${c.name} ${rows}x${width}${more}`,
        run(b: Bench) {
          const n = rows * width;
          const y = b.normals(c.each * n, c.kind.kind === 'gaussian' ? 1 : 2);
          run(b, c, rows, y, c.targets?.(b, n) ?? b.normals(n), weight && sequence(rows).map(weight));
        },
      })),
    ),
    {
      name: `${c.name} of ${c.extremes}`,
      run(b) {
        const y = [...c.extremes, ...c.extremes];
        run(b, c, 2, y, c.targets?.(b, y.length / c.each) ?? b.normals(y.length / c.each), null);
      },
    },
  ]);

const valueLoss = valueCases((b, { kind }, rows, y, t, weights) => {
  const out = b.output('loss', 1, 1);
  const [Y, target] = [b.place('y', rows, y.length / rows, y), b.place('target', rows, t.length / rows, t)];
  b.k.valueLoss(out.matrix, Y.matrix, { values: target.matrix, rowWeights: weights }, kind);
  b.expect(out, [oracle.valueLoss(kind, rows, y, t, weights).loss]);
});

const valueLossGrad = valueCases((b, { kind }, rows, y, t, weights) => {
  const out = b.output('dy', rows, y.length / rows);
  const [Y, target] = [b.place('y', rows, y.length / rows, y), b.place('target', rows, t.length / rows, t)];
  b.k.valueLossGrad(out.matrix, Y.matrix, { values: target.matrix, rowWeights: weights }, kind);
  b.expect(out, oracle.valueLoss(kind, rows, y, t, weights).gradient);
});

/** The labels of two sequences, with repeats, and their lengths. */
const LABELS: readonly (readonly [name: string, labels: number[][], lengths: number[], blank: number])[] = [
  ['one label, and none', [[1], []], [3, 4], 0],
  [
    'a repeated label',
    [
      [2, 2],
      [1, 2],
    ],
    [5, 3],
    0,
  ],
  ['three labels, another blank', [[0, 1, 0], [1]], [5, 2], 2],
  [
    'as many labels as steps',
    [
      [1, 2, 1],
      [2, 1],
    ],
    [3, 5],
    0,
  ],
];

const ctc = LABELS.flatMap(([name, labels, lengths, blank]) =>
  (['mean', 'sum'] as const).map(
    (reduction): Case => ({
      name: `${name}, ${reduction}: agrees with the sum over all paths and with finite differences`,
      run(b) {
        const [T, N, C, S] = [5, 2, 3, 3];
        const z = b.normals(T * N * C, 1.5);
        const padded = Int32Array.from(labels.flatMap((l) => sequence(S).map((s) => l[s] ?? -1)));
        const [loss, dz, logits] = [b.output('loss', 1, 1), b.output('dz', T * N, C), b.place('z', T * N, C, z)];
        const targets = { steps: T, batchSize: N, labels: padded, lengths, blank, reduction, zeroInfinity: false };
        b.k.ctc(loss.matrix, dz.matrix, logits.matrix, targets);
        const lossOf = (values: readonly number[]): number =>
          labels.reduce((sum, own, n) => {
            const rows = sequence(lengths[n]!).map((t) => values.slice((t * N + n) * C, (t * N + n + 1) * C));
            const scale = reduction === 'sum' ? 1 : 1 / (N * Math.max(1, own.length));
            return sum + scale * oracle.ctcByPaths(rows, own, blank);
          }, 0);
        b.expect(loss, [lossOf(z)]);
        const at = (i: number, e: number): number => lossOf(z.map((v, j) => (j === i ? v + e : v)));
        const e = 1e-3; // the error of fourth-order differences is about e^4
        b.expect(
          dz,
          z.map((_, i) => (8 * (at(i, e) - at(i, -e)) - (at(i, 2 * e) - at(i, -2 * e))) / (12 * e)),
        );
      },
    }),
  ),
);

export const losses = {
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  valueLoss,
  valueLossGrad,
  ctc,
} satisfies Record<string, readonly Case[]>;
