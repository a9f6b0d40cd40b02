/** What the default instructions allocate for a while, and how they complete a backend. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels, Matrix } from '../../src/contract/kernels.js';
import { type PrimitiveKernels, withDefaults } from '../../src/kernels/shared/defaults.js';
import { asRow, rowPart, scoped, sizeOf } from '../../src/kernels/shared/temporaries.js';
import { createMinimal } from './minimal.js';

const filled = (k: Kernels, rows: number, cols: number, value = 1): Matrix => {
  const m = k.alloc(rows, cols);
  k.upload(
    m,
    Float64Array.from({ length: rows * cols }, (_, i) => value + i / 7),
  );
  return m;
};
const values = (k: Kernels, m: Matrix): number[] => [...k.host(m)!];

describe('temporary matrices', () => {
  test('have the value that was requested, 0 by default, and are freed', () => {
    const k = createMinimal();
    const seen: number[][] = [];
    scoped(k, (temporary) => {
      seen.push(values(k, temporary(1, 2)), values(k, temporary(2, 1, 0.5)));
      expect(k.memory.inUse()).toBe(32);
    });
    expect([seen, k.memory.inUse()]).toEqual([
      [
        [0, 0],
        [0.5, 0.5],
      ],
      0,
    ]);
  });

  test('are freed after an error as well', () => {
    const k = createMinimal();
    const act = () =>
      scoped(k, (temporary) => {
        temporary(3, 3);
        throw new RangeError('no');
      });
    expect(act).toThrow(RangeError);
    expect(k.memory.inUse()).toBe(0);
  });

  test('parts of rows, and a matrix as one row', () => {
    const k = createMinimal();
    const m = filled(k, 3, 4, 0);
    const numbers = values(k, m);
    expect([sizeOf(m), asRow(k, m).rows, asRow(k, m).cols]).toEqual([12, 1, 12]);
    expect(values(k, rowPart(k, m, 1))).toEqual(numbers.slice(4, 8));
    expect(values(k, rowPart(k, m, 2, 1, 2))).toEqual(numbers.slice(9, 11));
    expect(rowPart(k, m, 2, 1, 2)).toMatchObject({ rows: 1, cols: 2 });
  });
});

test('no default instruction leaves a temporary matrix behind', () => {
  const k = createMinimal();
  const [R, C] = [3, 4];
  const [a, b, out, table] = [filled(k, R, C), filled(k, R, C, 2), filled(k, R, C), filled(k, 5, C)];
  const [row, column, one, other, stats] = [
    filled(k, 1, C),
    filled(k, R, 1),
    filled(k, 1, 1),
    filled(k, 1, 1),
    filled(k, R, 2),
  ];
  const [gain, bias, squares] = [filled(k, 1, C), filled(k, 1, C), filled(k, R, C)];
  const norm = { a, stats, gain: row, bias };
  const targets = { classes: Int32Array.of(0, 3, 1), rowWeights: null };
  const step = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-6, weightDecay: 0.1, decoupled: true, update: 3 };
  const momentum = { learningRate: 0.1, momentum: 0.9, dampening: 0, nesterov: true, weightDecay: 0.1, first: false };
  const acts: Partial<Record<keyof Kernels, () => void>> = {
    fillRows: () => k.fillRows(out, row),
    sumRows: () => k.sumRows(row, a),
    gatherRows: () => k.gatherRows(out, table, Int32Array.of(4, 0, 4)),
    scatterAddRows: () => k.scatterAddRows(table, Int32Array.of(4, 0, 4), a),
    scaleRows: () => k.scaleRows(out, a, column, true),
    copyColumns: () => k.copyColumns(out, a, { from: 0, to: 1, count: 2 }, true),
    fill: () => k.fill(out, 3),
    add: () => k.add(out, a, b),
    bernoulli: () => k.bernoulli(out, { seed: 1, update: 2, stream: 3 }, { probability: 0.5, hit: 1, miss: 0 }),
    addNormals: () => k.addNormals(out, { seed: 1, update: 2, stream: 3 }, 1),
    layerNorm: () => k.layerNorm(out, norm, true),
    layerNormGrad: () => k.layerNormGrad({ a: b, gain, bias }, out, norm, true),
    softmaxCrossEntropyGrad: () => k.softmaxCrossEntropyGrad(out, a, targets),
    norm: () => k.norm(one, a),
    clipNorm: () => k.clipNorm(one, a, 0.5),
    clipValue: () => k.clipValue(a, 0.5),
    scaleByRatio: () => k.scaleByRatio(a, one, other),
    mixProduct: () => k.mixProduct(out, 0.5, 2, a, b),
    sgdUpdate: () => k.sgdUpdate(out, a, b, momentum),
    adamUpdate: () => k.adamUpdate(out, a, b, squares, step),
  };

  const before = k.memory.inUse();
  const left = Object.entries(acts).filter(([, act]) => {
    act();
    return k.memory.inUse() !== before;
  });
  expect(left.map(([name]) => name)).toEqual([]);
});

describe('a backend with defaults', () => {
  const primitive = (more: Partial<Kernels>): Kernels => {
    const made = createMinimal();
    const { allocPacked: _, pack: __, gemmPacked: ___, ...rest } = made;
    return withDefaults({ ...rest, ...more } as PrimitiveKernels);
  };

  test('keeps getters and replaced instructions', () => {
    const minimal = createMinimal();
    let threads = 1;
    const k = withDefaults(
      Object.defineProperty({ ...minimal, fill: 'own' as never }, 'threads', {
        get: () => threads,
        enumerable: true,
      }) as unknown as PrimitiveKernels,
    );
    threads = 5;
    expect([k.threads, k.fill, typeof k.add]).toEqual([5, 'own', 'function']);
  });

  test('frees a packed matrix of the defaults; a backend that packs frees its own', () => {
    const k = primitive({});
    const b = filled(k, 2, 3);
    const packed = k.allocPacked(2, 3);
    k.pack(packed, b, false);
    expect(k.memory.inUse()).toBe(96);
    k.free(packed as unknown as Matrix);
    k.free(b);
    expect(k.memory.inUse()).toBe(0);
    const freed: unknown[] = [];
    const free = (m: Matrix) => void freed.push(m);
    const own = primitive({ allocPacked: () => ({ rows: 1, cols: 1, matrix: 'inner' }) as never, free });
    const one = own.allocPacked(1, 1) as unknown as Matrix;
    own.free(one);
    expect(freed).toEqual([one]);
  });

  test('multiplies by a packed matrix, transposed or not', () => {
    const k = primitive({});
    const [a, b, out] = [k.alloc(1, 2), k.alloc(3, 2), k.alloc(1, 3)];
    k.upload(a, [1, 10]);
    k.upload(b, [1, 2, 3, 4, 5, 6]);
    const packed = k.allocPacked(2, 3);
    k.pack(packed, b, true);
    k.gemmPacked(out, a, packed, false);
    expect(values(k, out)).toEqual([21, 43, 65]);
    k.pack(packed, k.view(b, 0, 2, 3), false);
    k.gemmPacked(out, a, packed, true);
    expect(values(k, out)).toEqual([21 + 41, 43 + 52, 65 + 63]);
  });
});
