/** Tasks whose sequences are generated for every batch: counting, adding and copying. */
import { copyWidth, addingTask as generateAdding, copyTask as generateCopy, type Sequences } from 'unspool/lab';
import type { Settings } from '../../settings.js';
import { type GenerateSequences, generatedSource } from './sources.js';
import { labeled, MAX_SEQUENCES, round, sequenceRng, type Task } from './task.js';

const BATCHES_PER_EPOCH = 50;
const VALIDATION_BATCHES = 4;
/** Zeros and ones: the share of ones. */
const ONES = 0.35;

/** Sequences of zeros and ones; the target is the number of ones so far, divided by the number of steps. */
export const countOnes =
  (steps: number): GenerateSequences =>
  (batchSize, random) => {
    const counts = new Float32Array(batchSize);
    return Array.from({ length: steps }, () => {
      const input = Float32Array.from({ length: batchSize }, () => (random.uniform() < ONES ? 1 : 0));
      for (let n = 0; n < batchSize; n++) counts[n]! += input[n]! / steps;
      return { input, target: counts.slice() };
    });
  };

export function countingTask(settings: Settings): Task {
  const { steps } = settings;
  return numberTask(
    settings,
    'Count the ones: after each step, the target is the number of ones so far, divided by the number of steps.',
    ['bit'],
    countOnes(steps),
  );
}

export const addingTask = (settings: Settings): Task =>
  numberTask(
    settings,
    'Add the two marked numbers: the target at the last step is their sum. Always answering 1 has a mean squared error of 1/6.',
    ['number', 'mark'],
    (batchSize, random) => generateAdding(settings.steps, batchSize, random),
  );

export function copyTask(settings: Settings): Task {
  const symbols = 4;
  const length = Math.max(1, Math.floor(settings.steps / 5));
  const shape = { symbols, length, lag: Math.max(0, settings.steps - 2 * length) };
  const letters = ['a', 'b', 'c', 'd', '·', '?'];
  const generate: GenerateSequences = (batchSize, random) => generateCopy(shape, batchSize, random);
  return {
    ...numberTask(
      settings,
      `Copy: repeat the first ${length} letters after ${shape.lag} blank steps, when “?” appears.`,
      letters,
      generate,
    ),
    loss: 'crossEntropy',
    inputSize: copyWidth(shape),
    outputSize: symbols,
    outputNames: letters.slice(0, symbols),
    sequence: (index) =>
      labeled(
        generate(1, sequenceRng(index)),
        (input) => letters[Array.from(input).indexOf(1)]!,
        (target) => letters[target]!,
      ),
  };
}

/** A task with numbers as inputs and one number as the target. */
function numberTask(
  { batchSize, seed }: Settings,
  description: string,
  inputNames: readonly string[],
  generate: GenerateSequences,
): Task {
  return {
    description,
    data: {
      train: generatedSource(generate, batchSize, BATCHES_PER_EPOCH, `train/${seed}`),
      validation: generatedSource(generate, batchSize, VALIDATION_BATCHES, 'held out'),
    },
    loss: 'meanSquaredError',
    inputSize: inputNames.length,
    inputLayers: [],
    outputSize: 1,
    outputNames: ['output'],
    vocabulary: null,
    sequenceCount: MAX_SEQUENCES,
    sequence: (index) => {
      const steps: Sequences = generate(1, sequenceRng(index));
      return labeled(steps, (input) => Array.from(input, round).join(' · '), round);
    },
  };
}
