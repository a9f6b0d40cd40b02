/** Gradient noise (Neelakantan et al. 2015). */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { streamOf } from '../core/masks.js';
import type { Noise } from '../core/noise.js';
import type { FitOptions } from './options.js';

const STREAM = streamOf('gradient noise');

/**
 * Returns a function that adds noise with variance eta / t^gamma to the gradients of update t, counted from 1. The paper counts
 * updates from 0.
 */
export function gradientNoise(k: Kernels, { eta, gamma = 0.55 }: NonNullable<FitOptions['gradientNoise']>) {
  return (gradients: Matrix, { seed, update }: Noise, t: number): void =>
    k.addNormals(gradients, { seed, update, stream: STREAM }, Math.sqrt(eta / t ** gamma));
}
