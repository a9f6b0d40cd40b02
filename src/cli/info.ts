import { isKeyOf } from '../errors.js';
import {
  describeBackend,
  estimateMemory,
  type Facts,
  type LayerSpec,
  type LstmSpec,
  type Model,
  type ModelSpec,
  OPTIMIZERS,
  type Precision,
} from '../index.js';
import { loadModel, readBytes, revectorize } from '../node/index.js';
import type { Command } from './command.js';
import { createOutput, grouped, OUTPUT_OPTIONS, type Output } from './output.js';
import { optimizerOf, STANDARD } from './train-settings.js';

function layerLine(layer: LayerSpec): string {
  switch (layer.kind) {
    case 'embedding':
      return `embedding  ${layer.size} tokens to ${layer.width}`;
    case 'lstm':
      return `lstm       ${[`${layer.hiddenSize} units`, ...lstmDetails(layer)].join(', ')}`;
    case 'linear':
      return `linear     to ${layer.size}${layer.tied === undefined ? '' : `, the table of ${layer.tied}`}`;
    case 'dropout':
      return `dropout    ${layer.rate}${layer.shared === 'steps' ? ', one mask for all steps' : ''}`;
    case 'repeat':
      return `repeat     ${layer.steps} times`;
    case 'activity':
      return `activity   AR ${layer.alpha ?? 0}, TAR ${layer.beta ?? 0}`;
    default:
      return layer satisfies never;
  }
}

/** What makes an LSTM layer another one than the standard. */
function lstmDetails({ kind, hiddenSize, name, init, returns, ...rest }: LstmSpec): string[] {
  const told = Object.entries(rest).filter(([, value]) => value !== undefined);
  const details = told.map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return returns === 'last' ? [...details, 'last step only'] : details;
}

function parameterTable(model: Model): string[] {
  const rows = model.parameters.layout.entries.map((e) => [e.name, `[${e.shape.join(', ')}]`, grouped(e.size)]);
  const width = (column: number): number => Math.max(...rows.map((r) => r[column]!.length));
  return rows.map(([name, shape, size]) => {
    return `  ${name!.padEnd(width(0))}  ${shape!.padEnd(width(1))}  ${size!.padStart(width(2))}`;
  });
}

export const infoCommand: Command = {
  name: 'info',
  summary: 'Tells what is in a model file or checkpoint; without one, what this machine computes with.',
  arguments: [{ name: '[MODEL]', help: 'a model file or checkpoint' }],
  options: OUTPUT_OPTIONS,
  examples: [
    { does: 'layers, parameters and how it was trained', line: 'unspool info model.safetensors' },
    { does: 'the same for a program', line: 'unspool info model.safetensors --json' },
    { does: 'which backend runs here', line: 'unspool info' },
  ],
  async run([file], options) {
    const out = createOutput(options);
    await (file === undefined ? tellMachine(out) : tellModel(file, out));
    return 0;
  },
};

async function tellMachine(out: Output): Promise<void> {
  await revectorize();
  const backends = (['float32', 'float64'] as const).map((precision) => ({
    precision,
    ...describeBackend({ precision, threads: 'auto' }),
  }));
  out.record({ kind: 'machine', engine: process.versions, backends });
  out.say(`Node ${process.versions.node}, V8 ${process.versions.v8}, ${process.platform} ${process.arch}`);
  for (const { precision, backend, variant, threads } of backends) {
    out.say(`${precision}  ${backend}${variant ? ` (${variant})` : ''}, ${threads} thread${threads > 1 ? 's' : ''}`);
  }
}

/** What `unspool train` keeps with the settings that the model was trained with (or its standards), and what writing takes. */
async function memoryOf(spec: ModelSpec, precision: Precision, { settings }: Facts) {
  if (precision === 'float32') await revectorize(); // so does `train`
  const known = (settings ?? {}) as Readonly<Record<string, unknown>>;
  const count = (value: unknown, standard: number): number =>
    Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : standard;
  const [steps, batchSize] = [count(known.steps, STANDARD.steps), count(known.batchSize, STANDARD.batchSize)];
  const optimizer = isKeyOf(OPTIMIZERS, known.optimizer) ? known.optimizer : STANDARD.optimizer;
  const rule = optimizerOf({ ...STANDARD, optimizer });
  const backend = { precision, threads: 'auto' } as const;
  return {
    ...{ steps, batchSize, optimizer },
    training: await estimateMemory(spec, { steps, batchSize }, { ...backend, optimizer: rule }),
    prediction: await estimateMemory(spec, { steps: 1, batchSize: 1 }, { precision, gradients: false, loss: null }),
  };
}

function tellMemory(memory: Awaited<ReturnType<typeof memoryOf>>, out: Output): void {
  const { steps, batchSize: rows, optimizer, training, prediction } = memory;
  const lines = [
    ['parameters', training.parameters],
    ['gradients', training.gradients],
    [optimizer, training.optimizer],
    ['tape', training.tape],
    ['working rooms', training.working],
    ['in all', training.total],
  ] as const;
  const width = grouped(training.total).length;
  out.say(`\nMemory to train in batches of ${rows} rows by ${steps} steps`);
  for (const [name, bytes] of lines) {
    const more = name === 'tape' ? `, ${grouped(training.step)} each time step` : '';
    out.say(`  ${name.padEnd(13)}  ${grouped(bytes).padStart(width)} bytes${more}`);
  }
  out.say(`  and to predict step by step, ${grouped(prediction.total)} bytes`);
}

async function tellModel(file: string, out: Output): Promise<void> {
  const bytes = (await readBytes(file)).length;
  const { model, spec, precision, vocabulary, metadata, training } = await loadModel(file);
  const parameters = model.parameters.layout.entries.map(({ name, shape }) => ({ name, shape }));
  const position = training && { update: training.update, epoch: training.epoch, batch: training.batch };
  const characters = vocabulary?.characters ?? null;
  const memory = await memoryOf(spec, precision, metadata);
  const told = { file, bytes, precision, spec, parameters, memory, vocabulary: characters, metadata, position };
  out.record({ kind: 'info', ...told });
  out.say(`${file}: ${training ? 'training checkpoint' : 'model'}, ${grouped(bytes)} bytes, ${precision}`);
  if (spec.inputSize !== undefined) out.say(`\nInput of width ${spec.inputSize}`);
  out.say(`\nLayers\n${spec.layers.map((layer) => `  ${layerLine(layer)}`).join('\n')}`);
  out.say(`\nParameters: ${grouped(model.size)}\n${parameterTable(model).join('\n')}`);
  tellMemory(memory, out);
  if (characters) out.say(`\nVocabulary: ${characters.length} characters\n  ${JSON.stringify(characters.join(''))}`);
  if (position) {
    out.say(`\nStands after ${grouped(position.update)} updates, in epoch ${position.epoch}`);
    out.say(`  go on with: npx unspool train --resume ${file}`);
  }
  if (Object.keys(metadata).length === 0) return;
  out.say(`\nTraining facts\n${JSON.stringify(metadata, null, 2).replace(/^/gm, '  ')}`);
}
