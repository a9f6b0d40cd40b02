/** Numbers that every backend computes with. This file imports nothing, so that AssemblyScript can read it too. */

/** Added to the variance in layer normalization, as in PyTorch. */
export const LN_EPSILON = 1e-5;

/** Added to the norm before `clipNorm` divides by it, as in PyTorch. */
export const CLIP_EPSILON = 1e-6;

/** Largest number of threads of one backend, the calling thread included. */
export const MAX_THREADS = 15;
