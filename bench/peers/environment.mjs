/**
 * The environment of an engine's process. Variables that limit native libraries, such as `OPENBLAS_CORETYPE`, are removed: an engine
 * must run as well as it can on this machine, whatever the shell has set.
 */

/** Settings of OpenBLAS, MKL, BLIS, Accelerate, oneDNN, OpenMP and PyTorch. */
const NATIVE = /^(OPENBLAS|GOTO|MKL|BLIS|BLAS|VECLIB|NVPL|DNNL|ONEDNN|MKLDNN|OMP|GOMP|KMP|ATEN|TORCH|PYTORCH)_/i;

/** `env` without the settings of native libraries. */
export const neutral = (env) => Object.fromEntries(Object.entries(env).filter(([name]) => !NATIVE.test(name)));

/** How an idle thread waits for work: it sleeps, or it keeps its core for some milliseconds, so that it sleeps when others are timed. */
const WAITING = {
  passive: { OMP_WAIT_POLICY: 'PASSIVE' },
  active: { OMP_WAIT_POLICY: 'ACTIVE', GOMP_SPINCOUNT: '1000000', KMP_BLOCKTIME: '10' },
};

/**
 * The settings for PyTorch with `threads` threads. OpenMP and OpenBLAS each have a thread pool, so the size of the model decides which
 * way to wait is faster.
 */
export function torchSettings({ threads, waiting = 'passive' }) {
  const count = String(threads);
  return { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count, ...WAITING[waiting] };
}
