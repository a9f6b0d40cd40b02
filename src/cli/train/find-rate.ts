/** `unspool train --find-learning-rate`: the losses of a short training by learning rate, and a suggestion. */
import { tmpdir } from 'node:os';
import { findLearningRate, type LearningRateCurve } from '../../index.js';
import { figure } from '../../lab/experiments/experiment.js';
import { revectorize } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, type Output } from '../output.js';
import { tableText } from '../report/tables.js';
import { newModel } from './backend.js';
import { trainingParts } from './fit-text.js';
import { languageModelSpec } from './language-model.js';
import { type Configuration, readConfiguration } from './read-settings.js';
import { shapeOf, streamsOf, type TrainFlags } from './start.js';
import { openTrainingText, type TrainingText } from './training-source.js';

/** Rows of the printed table. */
const ROWS = 15;

/** Prints the suggestion and returns the exit code. No file is written. */
export async function findRate(args: readonly string[], options: TrainFlags): Promise<number> {
  for (const name of ['resume', 'run', 'out'] as const) {
    if (options[name] === undefined) continue;
    throw new UsageError(`--${name} cannot be combined with --find-learning-rate, which writes no files.`);
  }
  const configuration = await readConfiguration(args, options);
  const { settings, text: textFile } = configuration;
  if (textFile === undefined) throw new UsageError('missing TEXT: a UTF-8 text file.');
  const { asText, stream } = configuration;
  const reading = { flags: { stream }, asText, streams: streamsOf(settings), folder: tmpdir() };
  const { text, close } = await openTrainingText(textFile, reading);
  try {
    print(createOutput(options), await curveOf(text, configuration));
    return 0;
  } finally {
    await close();
  }
}

async function curveOf(text: TrainingText, configuration: Configuration): Promise<LearningRateCurve> {
  const { settings } = configuration;
  if (settings.precision === 'float32') await revectorize();
  const spec = await languageModelSpec(settings, text.vocabulary.size);
  const model = await newModel(spec, settings.precision, shapeOf(settings), configuration);
  try {
    const [data, { optimizer, loss, clipNorm, gradient, seed }] = await trainingParts(text, settings);
    const given = Object.entries({ loss, clipNorm, gradient, seed }).filter(([, value]) => value !== undefined);
    return await findLearningRate(model, data, { optimizer, ...Object.fromEntries(given) });
  } finally {
    model.dispose();
  }
}

function print(out: Output, curve: LearningRateCurve): void {
  const { points, suggestion, divergedAt } = curve;
  out.record({ kind: 'learningRates', ...curve });
  const every = Math.ceil(points.length / ROWS);
  const shown = points.filter((_, i) => i % every === 0 || i === points.length - 1);
  const rows = shown.map(({ learningRate, smoothed }) => [figure(learningRate), smoothed.toFixed(3)]);
  out.print(tableText({ columns: ['learning rate', 'loss'], rows }));
  if (divergedAt !== null) out.print(`\nThe loss diverges at ${divergedAt.toPrecision(2)}.`);
  if (suggestion === null) out.print('\nNo suggestion: the loss does not fall, or falls up to the highest rate.');
  else out.print(`\nA tenth of the rate with the lowest loss:\n  --lr ${Number(suggestion.toPrecision(2))}`);
}
