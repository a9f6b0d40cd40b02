/** `unspool info` without a model. */
import { describeBackend, selectKernels, UnspoolError } from '../../index.js';
import { revectorize } from '../../node/index.js';
import { gainText, type Native } from '../native.js';
import { createOutput, type OutputFlags } from '../output.js';
import { runtimeOf } from '../runtime.js';

/** The library of the backend `blas`, or the problem with it. */
async function nativeOf(): Promise<Native | { readonly problem: string }> {
  try {
    const kernels = await selectKernels({ backend: 'blas' });
    kernels.dispose();
    return kernels.native!;
  } catch (error) {
    if (!(error instanceof UnspoolError && error.problem.code === 'INVALID_SETTING')) throw error;
    return { problem: error.problem.problem };
  }
}

/** Prints the backends of this machine. Returns the exit code. */
export async function printMachine(options: OutputFlags): Promise<number> {
  const out = createOutput(options);
  await revectorize();
  const backends = (['float32', 'float64'] as const).map((precision) => ({
    precision,
    ...describeBackend({ precision, threads: 'auto' }),
  }));
  const runtime = runtimeOf();
  const native = await nativeOf();
  out.record({ kind: 'machine', runtime, engine: process.versions, backends, native });
  out.print(`${runtime.name}, ${runtime.engine}, ${process.platform} ${process.arch}`);
  for (const { precision, backend, variant, threads, reason } of backends) {
    out.print(`${precision}  ${backend}${variant ? ` (${variant})` : ''}, ${threads} thread${threads > 1 ? 's' : ''}`);
    if (reason && precision === 'float32') out.print(`         not wasm: ${reason}`);
  }
  out.print(`blas     ${'problem' in native ? native.problem : `${native.library}. ${gainText(native)}`}`);
  return 0;
}
