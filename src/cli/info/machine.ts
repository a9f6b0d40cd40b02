/** `unspool info` without a model. */
import { describeBackend } from '../../index.js';
import { revectorize } from '../../node/index.js';
import { createOutput, type OutputFlags } from '../output.js';
import { runtimeOf } from '../runtime.js';

/** Prints the backends of this machine. Returns the exit code. */
export async function printMachine(options: OutputFlags): Promise<number> {
  const out = createOutput(options);
  await revectorize();
  const backends = (['float32', 'float64'] as const).map((precision) => ({
    precision,
    ...describeBackend({ precision, threads: 'auto' }),
  }));
  const runtime = runtimeOf();
  out.record({ kind: 'machine', runtime, engine: process.versions, backends });
  out.print(`${runtime.name}, ${runtime.engine}, ${process.platform} ${process.arch}`);
  for (const { precision, backend, variant, threads, reason } of backends) {
    out.print(`${precision}  ${backend}${variant ? ` (${variant})` : ''}, ${threads} thread${threads > 1 ? 's' : ''}`);
    if (reason && precision === 'float32') out.print(`         not wasm: ${reason}`);
  }
  return 0;
}
