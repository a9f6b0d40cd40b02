/** Chapter 7: how far each recurrent weight moves in one update, and its gradient for the same batch. */
import { adam, type FitOptions, fit, type Model } from 'unspool';
import { textLesson } from './text.js';

const LEARNING_RATE = 0.01;
const CLIP_NORM = 1;

export interface UpdateLesson {
  readonly update: number;
  readonly learningRate: number;
  /** For each recurrent weight: its gradient, after clipping, and its change. */
  readonly points: readonly (readonly [gradient: number, change: number])[];
  /** Of all parameters, before clipping. */
  readonly gradientNorm: number;
  readonly loss: number;
}

const recurrentWeights = async (model: Model): Promise<Float64Array> =>
  Float64Array.from((await model.parameters.download()).get('lstm.weight_hh_l0')!);

/** Trains a new model for `count` updates, at least 1, and reports the last one. */
export async function parameterUpdate(count: number): Promise<UpdateLesson> {
  const { data, model } = await textLesson();
  let gradients = new Float64Array();
  const gradient: FitOptions['gradient'] = async (one, batch, options) => {
    const pass = await one.gradients(batch, options);
    gradients = Float64Array.from((await pass.gradients.download()).get('lstm.weight_hh_l0')!);
    return pass;
  };
  try {
    let before = await recurrentWeights(model);
    const training = fit(model, data, {
      optimizer: adam({ learningRate: LEARNING_RATE }),
      loss: 'crossEntropy',
      clipNorm: CLIP_NORM,
      maxUpdates: count,
      epochs: count,
      gradient,
    });
    for await (const event of training) {
      if (event.kind !== 'update') continue;
      if (event.update < count) {
        before = await recurrentWeights(model);
        continue;
      }
      const { update, gradientNorm, loss } = event;
      const after = await recurrentWeights(model);
      const scale = Math.min(1, CLIP_NORM / gradientNorm);
      const points = Array.from(gradients, (g, i) => [scale * g, after[i]! - before[i]!] as const);
      return { update, learningRate: LEARNING_RATE, points, gradientNorm, loss };
    }
    throw new Error(`The training ended before update ${count}.`);
  } finally {
    model.dispose();
  }
}
