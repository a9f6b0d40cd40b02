/** What the model produces: text, or predictions for a validation sequence. */
import { createRng, generate, type Model, type Vocabulary } from 'unspool';
import type { Sample } from './api.js';
import type { Session } from './session.js';
import type { Task } from './tasks/task.js';

const TEXT_LENGTH = 240;
const TEMPERATURE = 0.7;

type Output = Omit<Sample, 'update'>;

export async function sample({ task, model, settings, update }: Session): Promise<Sample> {
  const output = await (task.vocabulary ? sampleText(model, task.vocabulary, settings.seed) : predict(model, task));
  return { update, ...output };
}

async function sampleText(model: Model, vocabulary: Vocabulary, seed: number): Promise<Output> {
  const { characters } = vocabulary;
  const first = vocabulary.encode(characters.includes('\n') ? '\n' : characters[0]!);
  let text = '';
  for await (const token of generate(model, first, createRng(seed, 'sample'), { temperature: TEMPERATURE })) {
    text += characters[token];
    if (text.length >= TEXT_LENGTH) break;
  }
  return { text, forecast: [] };
}

/** The predictions for the first validation sequence: the most likely class, or the number. */
async function predict(model: Model, task: Task): Promise<Output> {
  const { batch, targetLabels } = task.sequence(0);
  const { output } = await model.predict(batch.inputs);
  const row = (t: number): number[] => Array.from({ length: task.outputSize }, (_, c) => output.get(t, 0, c));
  const steps = targetLabels.flatMap((label, t) => (label ? [{ t, label, values: row(t) }] : []));
  if (task.outputSize > 1) {
    const mostLikely = (values: readonly number[]): string => task.outputNames[values.indexOf(Math.max(...values))]!;
    const pairs = steps.map(({ label, values }) => `${label}\u00a0→\u00a0${mostLikely(values)}`);
    return { text: `target → prediction: ${pairs.join('   ')}`, forecast: [] };
  }
  const forecast = steps.map(({ t, values }) => ({ step: t, target: batch.targets[t]!, prediction: values[0]! }));
  const last = forecast.at(-1);
  const text = last
    ? `last step: target ${last.target.toPrecision(3)}, prediction ${last.prediction.toPrecision(3)}`
    : '';
  return { text, forecast };
}
