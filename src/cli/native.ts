/** The native library of the backend `blas`, for people. */
import type { Kernels } from '../index.js';

export type Native = NonNullable<Kernels['native']>;

/** What the library gains, as sentences. */
export function gainText({ gain, isWorthwhile }: Native): string {
  const products = `Large products take ${(100 / gain).toFixed(0)} % of the time of wasm.`;
  return isWorthwhile ? products : `${products} Nothing is gained: --backend wasm is as fast here.`;
}
