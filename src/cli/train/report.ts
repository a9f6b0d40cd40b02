/** What `unspool train` prints about a run. */

import { bytesText } from '../../errors.js';
import { bitsPerCharacter, createRng, generate, type Model, type Training, type TrainingEvent } from '../../index.js';
import { gainText } from '../native.js';
import { grouped } from '../output.js';
import { contextIn } from '../text-model.js';
import type { Run } from './start.js';
import { beginningOf, sizesOf } from './training-source.js';

function backendName({ kernels: { name, variant, native } }: Model): string {
  const details = [variant, native?.library].filter((detail) => detail);
  return details.length > 0 ? `${name} (${details.join(', ')})` : name;
}

export function printStart({ out, settings, model, text, textFile, resumed, file }: Run, training: Training): void {
  const { training: trained, validation, temporaryBytes } = sizesOf(text);
  const { updates } = training;
  const streamed = temporaryBytes !== null && { temporaryBytes };
  out.record({ kind: 'start', text: textFile, parameters: model.size, updates, file, settings, ...streamed });
  out.print(
    `${textFile}: ${grouped(trained)} characters for training, ` +
      `${grouped(validation)} for validation, ${text.vocabulary.size} different ones.`,
  );
  if (temporaryBytes !== null) {
    out.print(
      `The text is streamed: its tokens are in a temporary file of ${bytesText(temporaryBytes)}, not in memory.`,
    );
  }
  const layers = `${settings.layers} LSTM layer${settings.layers > 1 ? 's' : ''} of ${settings.hiddenSize} units`;
  out.print(`${layers}, ${grouped(model.size)} parameters, ${settings.precision}, backend ${backendName(model)}.`);
  for (const { backend, stepMs, error } of model.backendTimings ?? []) {
    out.print(error === null ? `  ${backend}: ${stepMs.toFixed(2)} ms per update` : `  unavailable: ${error}`);
  }
  const { native } = model.kernels;
  if (native) out.print(gainText(native));
  out.print(`${grouped(updates)} updates planned.`);
  if (resumed) out.print(`Continuing after update ${grouped(resumed.update)}.`);
}

type ValidationEvent = Extract<TrainingEvent, { kind: 'validation' }>;

export async function printValidation(run: Run, { update, loss }: ValidationEvent): Promise<void> {
  const { out } = run;
  if (out.json || out.quiet) return;
  out.print(`update ${grouped(update)}: validation ${bitsPerCharacter(loss).toFixed(3)} bits per character. Sample:`);
  const line = (await writeText(run, 150)).trim().replace(/\s+/g, ' ');
  out.print(`  ${line.slice(0, (process.stdout.columns || 100) - 4)}`);
}

/** Characters of the training text that are searched for a context. */
const SEARCHED = 1 << 14;

/** What the model reads before it writes. */
export const contextOfRun = ({ text }: Run): string => contextIn(beginningOf(text, SEARCHED));

/** A text of `length` characters that the model writes after a piece of the training text. The same for the same weights. */
export async function writeText(run: Run, length: number): Promise<string> {
  const { model, text, settings } = run;
  const { vocabulary } = text;
  const rng = createRng(settings.seed, 'sample');
  const tokens = generate(model, vocabulary.encode(contextOfRun(run)), rng, { temperature: 0.7 });
  const ids: number[] = [];
  for (let i = 0; i < length; i++) ids.push((await tokens.next()).value as number);
  await tokens.return();
  return vocabulary.decode(ids);
}
