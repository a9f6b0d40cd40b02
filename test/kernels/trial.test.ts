/** The trial of the fused variant: it is used only if it is faster and every number agrees. */
import { afterEach, expect, jest, test } from '@jest/globals';
import type { Kernels, Matrix } from '../../src/contract/kernels.js';

const WASM = '../../src/kernels/wasm/index.js';
type Wasm = typeof import('../../src/kernels/wasm/index.js');

/** Runs the trial on two copies of a variant that every engine has, each changed by a function. */
async function tried(changes: Partial<Record<string, (k: Kernels) => Partial<Kernels>>>) {
  jest.resetModules();
  const actual = jest.requireActual<Wasm>(WASM);
  const createWasm = async (variant: string): Promise<Kernels> => {
    const k = await actual.createWasm('simd');
    return { ...k, ...changes[variant]?.(k) };
  };
  jest.doMock(WASM, () => ({ ...actual, createWasm }));
  const { preferRevec } = await import('../../src/kernels/wasm/trial.js');
  return { isUsed: await preferRevec(), variant: actual.wasmVariant() };
}

afterEach(() => {
  jest.dontMock(WASM);
});

const slow = (k: Kernels): Partial<Kernels> => ({
  gemmPacked: (...args) => {
    for (let i = 0; i < 20; i++) k.gemmPacked(...args);
  },
});

/** What a kernel that is wrong by 1 % leaves in a matrix. */
function spoil(k: Kernels, m: Matrix): void {
  const values = k.host(m)!;
  for (const [i, v] of values.entries()) values[i] = 1.01 * v;
}

test('a faster one with the same numbers is used from then on', async () => {
  expect(await tried({ relaxed: slow })).toEqual({ isUsed: true, variant: 'revec' });
});

test('a slower one is not used', async () => {
  const { isUsed, variant } = await tried({ revec: slow });
  expect(isUsed).toBe(false);
  expect(variant).not.toBe('revec');
});

test.each<[string, (k: Kernels) => Partial<Kernels>]>([
  [
    'the product',
    (k) => ({
      gemmPacked: (out, ...rest) => {
        k.gemmPacked(out, ...rest);
        spoil(k, out);
      },
    }),
  ],
  [
    'the cell',
    (k) => ({
      lstmCell: (y, ...rest) => {
        k.lstmCell(y, ...rest);
        spoil(k, y.h);
      },
    }),
  ],
  [
    'the gradient of the cell',
    (k) => ({
      lstmCellGrad: (d, dcPrev, ...rest) => {
        k.lstmCellGrad(d, dcPrev, ...rest);
        spoil(k, dcPrev);
      },
    }),
  ],
])('a faster one is not used if %s is wrong', async (_, revec) => {
  const { isUsed, variant } = await tried({ relaxed: slow, revec });
  expect(isUsed).toBe(false);
  expect(variant).not.toBe('revec');
});
