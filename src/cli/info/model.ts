/** What `unspool info` prints about a model file. */
import { isKeyOf } from '../../checks.js';
import { estimateMemory, type LayerSpec, type Metadata, type Model, OPTIMIZERS, type Precision } from '../../index.js';
import { loadModel, readBytes, revectorize } from '../../node/index.js';
import { createOutput, grouped, type Output, type OutputFlags } from '../output.js';
import { optimizerOf } from '../train/rules.js';
import { DEFAULTS } from '../train/settings.js';

/** A layer's kind, and its settings by their names in the spec. */
function layerLine({ kind, name: _, init: __, ...settings }: LayerSpec & { readonly init?: unknown }): string {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const details = given.map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${kind.padEnd(10)} ${details.join(', ')}`;
}

function parameterTable(model: Model): string[] {
  const rows = model.parameters.layout.entries.map((e) => [e.name, `[${e.shape.join(', ')}]`, grouped(e.size)]);
  const width = (column: number): number => Math.max(...rows.map((r) => r[column]!.length));
  return rows.map(([name, shape, size]) => {
    return `  ${name!.padEnd(width(0))}  ${shape!.padEnd(width(1))}  ${size!.padStart(width(2))}`;
  });
}

/** Memory to train with the settings of the model's training (or the defaults), and to predict step by step. */
async function memoryOf({ spec, outputSize }: Model, precision: Precision, { settings }: Metadata) {
  if (precision === 'float32') await revectorize(); // as `unspool train` does
  const known = (settings ?? {}) as Readonly<Record<string, unknown>>;
  const count = (value: unknown, fallback: number): number =>
    Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : fallback;
  const [steps, batchSize] = [count(known.steps, DEFAULTS.steps), count(known.batchSize, DEFAULTS.batchSize)];
  const optimizer = isKeyOf(OPTIMIZERS, known.optimizer) ? known.optimizer : 'adam';
  const loss = outputSize > 1 ? 'crossEntropy' : 'meanSquaredError';
  const training = { precision, threads: 'auto', loss, optimizer: optimizerOf(optimizer, DEFAULTS.lr) } as const;
  return {
    ...{ steps, batchSize, optimizer },
    training: await estimateMemory(spec, { steps, batchSize }, training),
    prediction: await estimateMemory(spec, { steps: 1, batchSize: 1 }, { precision, gradients: false, loss: null }),
  };
}

function printMemory(memory: Awaited<ReturnType<typeof memoryOf>>, out: Output): void {
  const { steps, batchSize, optimizer, training, prediction } = memory;
  const lines = [
    ['parameters', training.parameters],
    ['gradients', training.gradients],
    [optimizer, training.optimizer],
    ['tape', training.tape],
    ['workspace', training.working],
    ['total', training.total],
  ] as const;
  const width = grouped(training.total).length;
  out.print(`\nMemory to train with batch size ${batchSize} and ${steps} time steps`);
  for (const [name, bytes] of lines) {
    const perStep = name === 'tape' ? `, ${grouped(training.step)} per time step` : '';
    out.print(`  ${name.padEnd(13)}  ${grouped(bytes).padStart(width)} bytes${perStep}`);
  }
  out.print(
    `Memory to predict step by step\n  ${'total'.padEnd(13)}  ${grouped(prediction.total).padStart(width)} bytes`,
  );
}

/** Prints what a model file contains. Returns the exit code. */
export async function printModel(file: string, options: OutputFlags): Promise<number> {
  const out = createOutput(options);
  const bytes = (await readBytes(file)).length;
  const { model, spec, precision, vocabulary, metadata, training } = await loadModel(file);
  const parameters = model.parameters.layout.entries.map(({ name, shape }) => ({ name, shape }));
  const position = training && { update: training.update, epoch: training.epoch, batch: training.batch };
  const characters = vocabulary?.characters ?? null;
  const memory = await memoryOf(model, precision, metadata);
  const info = { file, bytes, precision, spec, parameters, memory, vocabulary: characters, metadata, position };
  out.record({ kind: 'info', ...info });
  out.print(`${file}: ${training ? 'training checkpoint' : 'model'}, ${grouped(bytes)} bytes, ${precision}`);
  if (spec.inputSize !== undefined) out.print(`\nInput size: ${spec.inputSize}`);
  out.print(`\nLayers\n${spec.layers.map((layer) => `  ${layerLine(layer)}`).join('\n')}`);
  out.print(`\nParameters: ${grouped(model.size)}\n${parameterTable(model).join('\n')}`);
  printMemory(memory, out);
  if (characters) out.print(`\nVocabulary: ${characters.length} characters\n  ${JSON.stringify(characters.join(''))}`);
  if (position) {
    out.print(`\nSaved after ${grouped(position.update)} updates, in epoch ${position.epoch}`);
    out.print(`  continue with: npx unspool train --resume ${file}`);
  }
  if (Object.keys(metadata).length > 0) {
    out.print(`\nMetadata\n${JSON.stringify(metadata, null, 2).replace(/^/gm, '  ')}`);
  }
  return 0;
}
