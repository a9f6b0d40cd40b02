import {
  createModel,
  type GradcheckReport,
  gradcheck,
  type LossChoice,
  type ModelSpec,
  randomBatch,
} from '../index.js';
import { readText } from '../node/index.js';
import type { Command } from './command.js';
import { parseConfig } from './config.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';

interface GradcheckConfig {
  readonly model: ModelSpec;
  readonly steps: number;
  readonly batchSize: number;
  readonly loss?: LossChoice;
  readonly epsilon?: number;
  readonly tolerance?: number;
}

/** Every kind of layer, every size different, so that no mistake can hide behind a symmetry. */
const STANDARD: GradcheckConfig = {
  model: {
    seed: 1,
    layers: [
      { kind: 'embedding', size: 11, width: 4 },
      { kind: 'lstm', hiddenSize: 5 },
      { kind: 'lstm', hiddenSize: 6 },
      { kind: 'linear', size: 7 },
    ],
  },
  steps: 8,
  batchSize: 3,
};

const KEYS = ['model', 'steps', 'batchSize', 'loss', 'epsilon', 'tolerance'];

function table(report: GradcheckReport): string {
  const batchSize = report.tensors.map(({ tensor, checked, worst }) => [
    tensor,
    String(checked),
    worst.relativeError.toExponential(1),
    `[${worst.index.join(', ')}]`,
    worst.analytic.toExponential(6),
    worst.numeric.toExponential(6),
  ]);
  const all = [['tensor', 'checked', 'worst', 'at', 'backward pass', 'differences'], ...batchSize];
  const widths = all[0]!.map((_, i) => Math.max(...all.map((r) => r[i]!.length)));
  return all
    .map((r) =>
      r
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const gradcheckCommand: Command = {
  name: 'gradcheck',
  summary: 'Checks every gradient of a model against finite differences, in float64.',
  arguments: [],
  options: {
    config: { type: 'text', value: 'FILE', help: `JSON of ${KEYS.join(', ')}`, standard: 'a small model' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'a small model of every kind of layer', line: 'unspool gradcheck' },
    { does: 'a model of your own', line: 'unspool gradcheck --config examples/gradcheck.json' },
  ],
  async run(_args, options) {
    const out = createOutput(options);
    const file = options.config as string | undefined;
    const config = file
      ? ({ ...STANDARD, ...parseConfig(file, await readText(file), KEYS) } as GradcheckConfig)
      : STANDARD;
    const model = await createModel(config.model, { backend: 'reference', precision: 'float64' });
    const { steps, batchSize, loss, epsilon, tolerance } = config;
    const settings = Object.fromEntries(
      Object.entries({ loss, epsilon, tolerance }).filter(([, v]) => v !== undefined),
    );
    const report = await gradcheck(model, randomBatch(config.model, { steps, batchSize }, model.outputSize), settings);
    out.record({ kind: 'gradcheck', ...report });
    out.say(table(report));
    const { worst } = report;
    const verdict = report.passed ? 'passed' : 'FAILED';
    out.say(
      `\n${verdict}: largest relative error ${worst.relativeError.toExponential(1)}, allowed ${report.tolerance}`,
    );
    return report.passed ? 0 : 1;
  },
};
