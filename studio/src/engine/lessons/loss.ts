/** Chapter 5: the cross-entropy at each time step of a text, before and after some training. */
import { adam, fit } from 'unspool';
import { trace } from 'unspool/inspect';
import { visible } from '../tasks/text.js';
import { TEXT, textLesson } from './text.js';

const STEPS = 20;

export interface LossLesson {
  readonly inputs: readonly string[];
  readonly targets: readonly string[];
  /** The probability of the target at each time step. */
  readonly probabilities: readonly number[];
  /** -ln of the probability. */
  readonly losses: readonly number[];
  /** The mean of the losses. */
  readonly mean: number;
  /** The number of classes, V: a random guess costs ln V. */
  readonly classes: number;
}

/** The losses of the beginning of the text, after some updates of a new model. */
export async function loss(updates: number): Promise<LossLesson> {
  const { data, model } = await textLesson();
  const { vocabulary } = data;
  const { size } = vocabulary;
  try {
    const options = { optimizer: adam({ learningRate: 0.01 }), loss: 'crossEntropy', clipNorm: 1 } as const;
    if (updates > 0) for await (const _ of fit(model, data, { ...options, epochs: updates, maxUpdates: updates }));
    const tokens = vocabulary.encode(TEXT.slice(0, STEPS + 1));
    const [inputs, targets] = [tokens.slice(0, STEPS), tokens.slice(1)];
    const whole = await trace(model, { steps: STEPS, batchSize: 1, inputs, targets }, { loss: 'crossEntropy' });
    const names = (all: Int32Array): string[] => Array.from(all, (token) => visible(vocabulary.characters[token]!));
    return {
      inputs: names(inputs),
      targets: names(targets),
      probabilities: Array.from(targets, (target, t) => whole.probabilities!.data[t * size + target]!),
      losses: Array.from(whole.lossByStep!),
      mean: whole.loss,
      classes: size,
    };
  } finally {
    model.dispose();
  }
}
