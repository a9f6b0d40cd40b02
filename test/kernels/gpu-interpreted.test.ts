/** The shader programs of WebGL 2 and WebGPU, run as JavaScript (interpreted.ts). */
import { describe, test } from '@jest/globals';
import type { FloatArray, Kernels, Matrix } from '../../src/contract/kernels.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { expectClose } from '../support/golden.js';
import { testRandom } from '../support/random.js';
import type { Instruction } from './cases/index.js';
import { describeConformance } from './conformance.js';
import { interpreted } from './interpreted.js';

/** The instructions whose programs move four numbers at a time. The others have the same programs in every mode. */
const MOVES_FOUR =
  /^(gemm|pack|gemmPacked|fillRows|sumRows|fill|copy|add|multiply|combine|lstmCell|lstmCellGrad|clip\w+|mixProduct|root|maximum|sign|scaleByRatio|\w+Update|bernoulli|addNormals|softmax\w+|valueLoss\w*)$/;

describe('textures of vec4 values', () => {
  const some = (instruction: Instruction, index: number): boolean => MOVES_FOUR.test(instruction) && index % 3 === 0;
  describeConformance('gpu', () => interpreted('textures').kernels, { float32: 1e-5 }, {}, some);
});

/** Runs instructions on matrices of these shapes, filled with the same numbers on every backend, and returns them all. */
async function filled(
  k: Kernels,
  shapes: readonly (readonly [rows: number, cols: number])[],
  run: (k: Kernels, matrices: Matrix[]) => void,
): Promise<FloatArray[]> {
  const random = testRandom(5);
  const matrices = shapes.map(([rows, cols]) => {
    const matrix = k.alloc(rows, cols);
    k.upload(matrix, Float32Array.from(random.normals(rows * cols), Math.abs));
    return matrix;
  });
  run(k, matrices);
  return Promise.all(matrices.map((matrix) => k.download(matrix)));
}

const STEP = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-6, weightDecay: 0.1, decoupled: true, update: 3 };
const MOMENTUM = { learningRate: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true, weightDecay: 0.1, first: false };

type Shapes = readonly (readonly [number, number])[];
const cellShapes = (N: number, H: number): Shapes => [[N, 4 * H], ...new Array<[number, number]>(6).fill([N, H])];
const runCell = (k: Kernels, [gates, c, h, before, dc, dh, after]: Matrix[]): void => {
  k.lstmCell({ gates: gates!, c: c!, h: h! }, before!);
  const dgates = k.alloc(gates!.rows, gates!.cols);
  k.lstmCellGrad({ gates: dgates, c: dc!, h: dh! }, after!, { gates: gates!, c: c!, h: h! }, before!);
  k.copy(gates!, dgates);
};
const product =
  (options: object) =>
  (k: Kernels, [out, a, b]: Matrix[]) =>
    k.gemm(out!, a!, b!, options);

/** Matrices from the size on at which a thread writes four numbers. Where the width is not a multiple of four, it must not. */
const LARGE: readonly (readonly [string, Shapes, (k: Kernels, matrices: Matrix[]) => void])[] = [
  ['a cell', cellShapes(70, 40), runCell],
  ['a cell of odd width', cellShapes(70, 42), runCell],
  [
    'rows',
    [
      [130, 128],
      [1, 128],
    ],
    (k, [out, row]) => k.fillRows(out!, row!),
  ],
  [
    'rows of odd width',
    [
      [130, 130],
      [1, 130],
    ],
    (k, [out, row]) => k.fillRows(out!, row!),
  ],
  [
    'sums of rows',
    [
      [1, 128],
      [130, 128],
    ],
    (k, [out, a]) => k.sumRows(out!, a!),
  ],
  [
    'sums of rows of odd width',
    [
      [1, 130],
      [130, 130],
    ],
    (k, [out, a]) => k.sumRows(out!, a!),
  ],
  [
    'elements',
    [
      [127, 131],
      [127, 131],
      [127, 131],
    ],
    (k, [out, a, b]) => k.multiply(out!, a!, b!, true),
  ],
  ['Adam', new Array<[number, number]>(4).fill([1, 16_387]), (k, [w, g, m, v]) => k.adamUpdate(w!, g!, m!, v!, STEP)],
  ['momentum', new Array<[number, number]>(3).fill([1, 16_387]), (k, [w, g, u]) => k.sgdUpdate(w!, g!, u!, MOMENTUM)],
  [
    'a product',
    [
      [64, 128],
      [64, 132],
      [132, 128],
    ],
    product({ accumulate: true }),
  ],
  [
    'a product of A transposed',
    [
      [64, 128],
      [132, 64],
      [132, 128],
    ],
    product({ transA: true }),
  ],
  [
    'a product of B transposed',
    [
      [64, 128],
      [64, 132],
      [128, 132],
    ],
    product({ transB: true, accumulate: true }),
  ],
  [
    'a product of odd depth',
    [
      [64, 128],
      [64, 131],
      [131, 128],
    ],
    product({ accumulate: true }),
  ],
  [
    'a product of odd width',
    [
      [64, 129],
      [64, 132],
      [132, 129],
    ],
    product({}),
  ],
  [
    'matrices of several pieces',
    [
      [130, 128],
      [64, 128],
      [66, 128],
      [1, 128],
    ],
    (k, [all, top, low, row]) => {
      k.copy(k.view(all!, 0, 64, 128), top!);
      k.add(k.view(all!, 64 * 128, 66, 128), low!, low!);
      k.fillRows(k.view(all!, 10 * 128, 3, 128), row!);
      k.sumRows(row!, all!);
    },
  ],
];

describe.each(['textures', 'results'] as const)('large matrices, vec4 values as %s', (vec4) => {
  test.each(LARGE)('%s', async (_, shapes, run) => {
    const expected = await filled(createReference('float32'), shapes, run);
    const found = await filled(interpreted(vec4).kernels, shapes, run);
    for (const [i, numbers] of found.entries()) expectClose(`matrix ${i}`, numbers, [...expected[i]!], 1e-5);
  });
});
