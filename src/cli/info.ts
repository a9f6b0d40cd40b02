import { describeBackend } from '../index.js';
import { revectorize } from '../node/index.js';
import { defineCommand } from './command.js';
import { printModel } from './info/model.js';
import { createOutput, OUTPUT_OPTIONS, type Output } from './output.js';
import { runtimeOf } from './runtime.js';

export const infoCommand = defineCommand({
  name: 'info',
  summary: 'Describes a model file or checkpoint or, without one, the backends of this machine.',
  arguments: [{ name: '[MODEL]', help: 'a run directory, model file or checkpoint' }],
  options: OUTPUT_OPTIONS,
  examples: [
    { does: 'show the layers, the parameters and the training', line: 'unspool info model.safetensors' },
    { does: 'the same for a program', line: 'unspool info model.safetensors --json' },
    { does: 'show which backend this machine uses', line: 'unspool info' },
  ],
  async run([file], options) {
    const out = createOutput(options);
    await (file === undefined ? printMachine(out) : printModel(file, out));
    return 0;
  },
});

async function printMachine(out: Output): Promise<void> {
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
}
