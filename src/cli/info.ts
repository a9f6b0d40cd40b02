import type { LayerSpec, Model } from '../index.js';
import { loadModel, readBytes } from '../node/index.js';
import type { Command } from './command.js';
import { createOutput, grouped, OUTPUT_OPTIONS } from './output.js';

function layerLine(layer: LayerSpec): string {
  switch (layer.kind) {
    case 'embedding':
      return `embedding  ${layer.size} tokens to ${layer.width}`;
    case 'lstm':
      return `lstm       ${layer.hiddenSize} units${layer.returns === 'last' ? ', last step only' : ''}`;
    case 'linear':
      return `linear     to ${layer.size}`;
    default:
      return layer satisfies never;
  }
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
  summary: 'Tells what is in a model file or checkpoint.',
  arguments: [{ name: 'MODEL', help: 'a model file or checkpoint' }],
  options: OUTPUT_OPTIONS,
  examples: [
    { does: 'layers, parameters and how it was trained', line: 'unspool info model.safetensors' },
    { does: 'the same for a program', line: 'unspool info model.safetensors --json' },
  ],
  async run([file], options) {
    const out = createOutput(options);
    const bytes = (await readBytes(file!)).length;
    const { model, spec, precision, vocabulary, facts, training } = await loadModel(file!);
    const parameters = model.parameters.layout.entries.map(({ name, shape }) => ({ name, shape }));
    const position = training && { step: training.step, epoch: training.epoch, batch: training.batch };
    const characters = vocabulary?.characters ?? null;
    out.record({ kind: 'info', file, bytes, precision, spec, parameters, vocabulary: characters, facts, position });
    out.say(`${file}: ${training ? 'training checkpoint' : 'model'}, ${grouped(bytes)} bytes, ${precision}`);
    if (spec.inputSize !== undefined) out.say(`\nInput of width ${spec.inputSize}`);
    out.say(`\nLayers\n${spec.layers.map((layer) => `  ${layerLine(layer)}`).join('\n')}`);
    out.say(`\nParameters: ${grouped(model.size)}\n${parameterTable(model).join('\n')}`);
    if (vocabulary)
      out.say(`\nVocabulary: ${vocabulary.size} characters\n  ${JSON.stringify(vocabulary.characters.join(''))}`);
    if (position) {
      out.say(`\nStands after ${grouped(position.step)} updates, in epoch ${position.epoch}`);
      out.say(`  go on with: npx unspool train --resume ${file}`);
    }
    if (Object.keys(facts).length > 0)
      out.say(`\nTraining facts\n${JSON.stringify(facts, null, 2).replace(/^/gm, '  ')}`);
    return 0;
  },
};
