import { describeBackend, type LayerSpec, type LstmSpec, type Model, memoryNeed } from '../index.js';
import { loadModel, readBytes, revectorize } from '../node/index.js';
import type { Command } from './command.js';
import { createOutput, grouped, OUTPUT_OPTIONS, type Output } from './output.js';

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

async function tellModel(file: string, out: Output): Promise<void> {
  const bytes = (await readBytes(file)).length;
  const { model, spec, precision, vocabulary, facts, training } = await loadModel(file);
  const parameters = model.parameters.layout.entries.map(({ name, shape }) => ({ name, shape }));
  const position = training && { step: training.step, epoch: training.epoch, batch: training.batch };
  const characters = vocabulary?.characters ?? null;
  out.record({ kind: 'info', file, bytes, precision, spec, parameters, vocabulary: characters, facts, position });
  out.say(`${file}: ${training ? 'training checkpoint' : 'model'}, ${grouped(bytes)} bytes, ${precision}`);
  if (spec.inputSize !== undefined) out.say(`\nInput of width ${spec.inputSize}`);
  out.say(`\nLayers\n${spec.layers.map((layer) => `  ${layerLine(layer)}`).join('\n')}`);
  out.say(`\nParameters: ${grouped(model.size)}\n${parameterTable(model).join('\n')}`);
  const need = (steps: number) => memoryNeed(spec, { steps, rows: 1 }, { precision });
  out.say(
    `\nMemory: ${grouped(need(1).parameters)} bytes of parameters, three times as much again to train with Adam,`,
  );
  out.say(`  and ${grouped(need(2).tape - need(1).tape)} bytes for each time step of each row on the tape`);
  if (characters) out.say(`\nVocabulary: ${characters.length} characters\n  ${JSON.stringify(characters.join(''))}`);
  if (position) {
    out.say(`\nStands after ${grouped(position.step)} updates, in epoch ${position.epoch}`);
    out.say(`  go on with: npx unspool train --resume ${file}`);
  }
  if (Object.keys(facts).length === 0) return;
  out.say(`\nTraining facts\n${JSON.stringify(facts, null, 2).replace(/^/gm, '  ')}`);
}
