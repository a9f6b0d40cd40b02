/** The registry of backends, and the choice of one: the requested backend or an error, never another one instead. */

import { isKeyOf, requireInteger, requireOptions, shown } from '../checks.js';
import { type Kernels, MAX_THREADS, type Precision } from '../contract/kernels.js';
import { invalidSetting } from '../errors.js';
import { blas } from './blas/backend.js';
import { gpu } from './gpu/backend.js';
import { reference } from './reference/backend.js';
import type { BackendEntry } from './shared/backend.js';
import { wasm } from './wasm/backend.js';

export { preferRevec } from './wasm/trial.js';

/** All backends. */
const BACKENDS = { wasm, blas, reference, gpu } as const satisfies Record<string, BackendEntry>;

/** Name of a backend. */
export type Backend = keyof typeof BACKENDS;

/** A backend, or one of its modes: `gpu:webgpu`. `gpu` alone chooses webgpu if it is available, else webgl2. */
export type BackendChoice = Backend | { [B in Backend]: ModeOf<B, (typeof BACKENDS)[B]> }[Backend];
type ModeOf<B extends Backend, Entry> = Entry extends { readonly modes: readonly (infer M extends string)[] }
  ? `${B}:${M}`
  : never;

/** Which backend computes, and how. */
export interface BackendOptions {
  /**
   * `wasm` (SIMD WebAssembly, float32), `reference` (plain JavaScript, float32 and float64), `gpu` (float32; needs the
   * package gpu.js, docs/gpu.md) or `blas` (float32, not in browsers; `wasm` with the products of a native library; needs the package koffi and
   * OpenBLAS, MKL, BLIS or Accelerate, docs/blas.md). `auto` chooses `wasm` if it is available and the precision is float32, else `reference`.
   * Default `auto`.
   */
  readonly backend?: 'auto' | BackendChoice;
  /** Default `float32`. */
  readonly precision?: Precision;
  /**
   * Number of threads of the wasm backend, 1 to 15, the calling thread included. They start with the first work that is
   * worth sharing and do not change any result. If they cannot start, that work throws `INVALID_SETTING`. Default 1; `auto` uses one
   * per processor core, at most 4, or only the calling thread if the others cannot start (see `Kernels.threadsReason`).
   */
  readonly threads?: number | 'auto';
}

/** `auto` chooses the first of these that has the precision and is available. */
const AUTOMATIC = ['wasm', 'reference'] as const;
const NAMES = /* @__PURE__ */ Object.keys(BACKENDS) as Backend[];
const entryOf = (name: Backend): BackendEntry => BACKENDS[name];

/** Every value of the option `backend` except `auto`. */
export const BACKEND_CHOICES: readonly BackendChoice[] = /* @__PURE__ */ NAMES.flatMap(
  (name) => [name, ...(entryOf(name).modes ?? []).map((mode) => `${name}:${mode}`)] as BackendChoice[],
);

/** Throws `INVALID_SETTING` for options that are neither those of a backend nor `others`. */
export const requireBackendOptions = (options: unknown, others: readonly string[] = []): void =>
  requireOptions('options', options, ['backend', 'precision', 'threads', ...others]);

/** What the options select, and why `auto` passed over a faster backend. Throws `INVALID_SETTING`. */
function chooseBackend({ backend = 'auto', precision = 'float32' }: BackendOptions): {
  readonly name: Backend;
  readonly mode: string | null;
  readonly reason: string | null;
} {
  if (precision !== 'float32' && precision !== 'float64') {
    throw invalidSetting('precision', `unknown precision ${shown(precision)}.`, 'Use float32 or float64.');
  }
  const problemOf = (name: Backend): string | null | undefined =>
    entryOf(name).precisions.includes(precision)
      ? entryOf(name).unavailable?.()
      : `${name} computes in ${entryOf(name).precisions} only.`;
  if (backend === 'auto') {
    let reason: string | null = null;
    for (const name of AUTOMATIC) {
      const problem = problemOf(name);
      if (!problem) return { name, mode: null, reason };
      reason ??= problem;
    }
  }
  const [name, mode = null] = typeof backend === 'string' ? backend.split(':') : [];
  if (!BACKEND_CHOICES.includes(backend as BackendChoice) || !isKeyOf(BACKENDS, name)) {
    const help = `Use auto, ${BACKEND_CHOICES.join(', ')}.`;
    throw invalidSetting('backend', `unknown backend ${shown(backend)}.`, help);
  }
  const problem = problemOf(name);
  if (problem) throw invalidSetting('backend', problem, 'Use reference.');
  return { name, mode, reason: null };
}

/**
 * Number of processor cores that threads can use. Browsers, Deno and Bun have `navigator`, older versions of Node a module.
 * A page that is not cross-origin isolated cannot share memory with workers.
 */
const cores = (): number =>
  globalThis.crossOriginIsolated === false
    ? 1
    : (globalThis.navigator?.hardwareConcurrency ??
      globalThis.process?.getBuiltinModule?.('node:os').availableParallelism() ??
      1);

/** What `selectKernels` would create for these options. Throws `INVALID_SETTING` as it does. */
export function describeBackend(options: BackendOptions = {}): {
  readonly backend: Backend;
  /** The WebAssembly instructions of `wasm` and `blas`: `simd`, `relaxed` or `revec`. The requested mode of `gpu`. Null otherwise. */
  readonly variant: string | null;
  readonly threads: number;
  /** Why `auto` does not use `wasm`, as a sentence; null if it does, or if the options name a backend. */
  readonly reason: string | null;
} {
  requireBackendOptions(options);
  const { name: backend, mode, reason } = chooseBackend(options);
  const { threads = 1 } = options;
  if (threads !== 'auto') requireInteger('threads', threads, 1, MAX_THREADS);
  const entry = entryOf(backend);
  const count = threads === 'auto' ? Math.min(4, cores()) : threads;
  return { backend, variant: mode ?? entry.variant?.() ?? null, threads: entry.hasThreads ? count : 1, reason };
}

/**
 * Creates a backend with its own memory. Throws `INVALID_SETTING` if the backend or precision is not available. If `auto` cannot
 * use `wasm`, `kernels.reason` says why.
 */
export async function selectKernels(options: BackendOptions = {}): Promise<Kernels> {
  const kernels = await startKernels(options);
  await kernels.loadVariants?.();
  return kernels;
}

/** As `selectKernels`, without the instructions that `loadVariants` adds. */
export async function startKernels(options: BackendOptions): Promise<Kernels> {
  const { backend, variant, threads, reason } = describeBackend(options);
  const { precision = 'float32', threads: requested } = options;
  const kernels = await entryOf(backend).create({ precision, variant, threads, fallsBack: requested === 'auto' });
  return reason === null ? kernels : Object.assign(kernels, { reason });
}
