/** Tasks over a text: predict the next character. */
import { createRng, textStreams } from 'unspool';
import { countingText } from 'unspool/lab';
import type { Settings } from '../../settings.js';
import { type FetchText, MAX_SEQUENCES, type Task } from './task.js';

const ANBN_LETTERS = ['a', 'b', '\n'];
const ANBN_MAX = 12;
const ANBN_LENGTH = 6000;
const MAX_EMBEDDING = 16;

/** A character, or a symbol for white space. */
export const visible = (character: string): string => ({ '\n': '⏎', ' ': '␣', '\t': '⇥' })[character] ?? character;

export function textTask(settings: Settings, description: string, text: string): Task {
  const { batchSize, steps } = settings;
  const { vocabulary, train, validation } = textStreams(text, { batchSize, steps });
  const { size } = vocabulary;
  const tokens = validation!.tokens;
  const label = (id: number): string => visible(vocabulary.characters[id]!);
  return {
    description,
    data: { train, validation },
    loss: 'crossEntropy',
    inputLayers: [{ kind: 'embedding', size, width: Math.min(MAX_EMBEDDING, size) }],
    outputSize: size,
    outputNames: vocabulary.characters.map(visible),
    vocabulary,
    sequenceCount: Math.max(1, Math.min(MAX_SEQUENCES, Math.floor((tokens.length - 1) / steps))),
    sequence(index) {
      const from = index * steps;
      const length = Math.min(steps, tokens.length - 1 - from);
      const [inputs, targets] = [tokens.slice(from, from + length), tokens.slice(from + 1, from + length + 1)];
      return {
        batch: { steps: length, batchSize: 1, inputs, targets },
        inputLabels: Array.from(inputs, label),
        targetLabels: Array.from(targets, label),
      };
    },
  };
}

export function anbnTask(settings: Settings): Task {
  let text = '';
  for (const letter of countingText(ANBN_MAX, createRng(settings.seed, 'anbn'))) {
    text += ANBN_LETTERS[letter];
    if (text.length >= ANBN_LENGTH) break;
  }
  return textTask(settings, 'aⁿ, a newline, bⁿ: the model must count the a’s to predict how many b’s follow.', text);
}

export async function namesTask(settings: Settings, fetchText: FetchText): Promise<Task> {
  const files = await Promise.all([fetchText('female-names.txt'), fetchText('male-names.txt')]);
  const all = files.join('\n').split(/\r?\n/).filter(Boolean);
  const random = createRng(settings.seed, 'names');
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return textTask(settings, 'English first names, letter by letter.', `${all.join('\n')}\n`);
}

export async function novelTask(settings: Settings, fetchText: FetchText): Promise<Task> {
  const text = await fetchText('moby-dick.txt');
  return textTask(settings, 'The whole of Moby-Dick, 1.2 million characters: predict the next one.', text);
}
