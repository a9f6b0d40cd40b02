import {
  createModel,
  type GradcheckReport,
  gradcheck,
  type LossChoice,
  type ModelSpec,
  randomBatch,
} from '../index.js';
import { defineCommand } from './command.js';
import { readConfig } from './config.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { tableText } from './report/tables.js';
import { defaultsOf, integer, number, setting, text } from './settings.js';

/** A layer of each main kind, all of different sizes, so that no mistake can cancel out by symmetry. */
const MODEL: ModelSpec = {
  seed: 1,
  layers: [
    { kind: 'embedding', size: 11, width: 4 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'lstm', hiddenSize: 6 },
    { kind: 'linear', size: 7 },
  ],
};

const CONFIG = {
  model: setting<ModelSpec>({ type: 'object', default: MODEL, help: 'the model' }),
  steps: integer({ default: 8, min: 1, help: 'time steps of the random batch' }),
  batchSize: integer({ default: 3, min: 1, help: 'rows of the random batch' }),
  loss: setting<LossChoice | undefined>({ type: 'text', mayBeObject: true, help: 'the loss' }),
  epsilon: number({ help: 'distance of the finite differences' }),
  tolerance: number({ help: 'largest relative error that passes' }),
};

function reportTable(report: GradcheckReport): string {
  return tableText({
    columns: ['tensor', 'checked', 'relative error', 'at', 'backward pass', 'finite difference'],
    rows: report.tensors.map(({ tensor, checked, worst }) => [
      tensor,
      checked,
      worst.relativeError.toExponential(1),
      `[${worst.index.join(', ')}]`,
      worst.analytic.toExponential(6),
      worst.numeric.toExponential(6),
    ]),
  });
}

export const gradcheckCommand = defineCommand({
  name: 'gradcheck',
  summary: 'Checks every gradient of a model against finite differences, in float64.',
  arguments: [],
  options: {
    config: text({
      placeholder: 'FILE',
      help: `JSON with ${Object.keys(CONFIG).join(', ')}`,
      defaultText: 'a small model with an embedding, two LSTM layers and a linear layer',
    }),
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'check a small model with every main kind of layer', line: 'unspool gradcheck' },
    { does: 'check another model', line: 'unspool gradcheck --config gradcheck.json' },
  ],
  async run(_args, options) {
    const out = createOutput(options);
    const file = options.config;
    const config = { ...defaultsOf(CONFIG), ...(file === undefined ? {} : await readConfig(file, CONFIG)) };
    const model = await createModel(config.model, { backend: 'reference', precision: 'float64' });
    const { steps, batchSize, loss, epsilon, tolerance } = config;
    const batch = randomBatch(config.model, { steps, batchSize }, model.outputSize);
    const report = await gradcheck(model, batch, {
      ...(loss !== undefined && { loss }),
      ...(epsilon !== undefined && { epsilon }),
      ...(tolerance !== undefined && { tolerance }),
    });
    out.record({ kind: 'gradcheck', ...report });
    out.print(reportTable(report));
    const error = report.worst.relativeError.toExponential(1);
    const verdict = report.passed ? 'passed' : 'FAILED';
    out.print(`\n${verdict}: largest relative error ${error}, tolerance ${report.tolerance}`);
    return report.passed ? 0 : 1;
  },
});
