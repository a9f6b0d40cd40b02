/** What decides the last digits of a training, apart from its settings. It is saved in checkpoints and models. */
import type { Model } from '../../index.js';
import { runtimeOf } from '../runtime.js';

/**
 * The backend, its native library, whether it rounds a product before it adds it, and the JavaScript engine, whose Math.pow and Math.exp
 * differ in the last digit.
 */
export async function arithmeticOf(model: Model): Promise<string> {
  const { name, variant, native } = model.kernels;
  const engine = runtimeOf().engine.split(' ')[0]!;
  const backend = name === 'gpu' && variant ? `gpu:${variant}` : name;
  const fused = (await isFused(model)) ? ['fused multiply-add'] : [];
  return [backend, ...(native ? [native.library] : []), ...fused, engine].join(', ');
}

/**
 * Relaxed SIMD leaves it to the engine and the processor whether a product is rounded, so it is computed: (1 + u)^2 - (1 + 2u) is
 * u^2, or 0 if the square is rounded first.
 */
async function isFused({ kernels: k }: Model): Promise<boolean> {
  if (k.variant !== 'relaxed' && k.variant !== 'revec') return false;
  const u = 2 ** -12;
  const [a, b, out] = [k.alloc(1, 2), k.alloc(2, 1), k.alloc(1, 1)] as const;
  try {
    k.upload(a, [-(1 + 2 * u), 1 + u]);
    k.upload(b, [1, 1 + u]);
    k.gemm(out, a, b);
    return (await k.download(out))[0] !== 0;
  } finally {
    for (const matrix of [a, b, out]) k.free(matrix);
  }
}

/** Whether a checkpoint has this arithmetic. Files of Unspool 0.1 do not name the engine, which was V8 in most cases. */
export const isSameArithmetic = (saved: unknown, now: string): boolean => saved === now || `${saved}, V8` === now;
