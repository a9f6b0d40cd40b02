/** Compares an engine's first results with our float64 reference, before the engine is timed. */
import { create } from './adapters/unspool.mjs';
import { makeData } from './workloads.mjs';

/** Relative tolerances: of the first loss, of each later loss's change since the first, and of an output's norm. */
export const TOLERANCE = { loss: 1e-4, change: 1e-2, output: 1e-4 };

/** The losses of the first steps, or the last time step of their outputs. */
export async function expectedResults(workload, checks) {
  const { step } = await create(workload, makeData(workload), { backend: 'reference', precision: 'float64' });
  const results = [];
  for (let i = 0; i < checks; i++) {
    const value = await step();
    results.push(typeof value === 'number' ? [value] : [...value.slice(-workload.B * workload.O)]);
  }
  return results;
}

const norm = (values) => Math.hypot(...values);

/**
 * `error`: the largest relative error; `agrees`: whether all are within the tolerances. The first weights determine most of a loss,
 * so later losses are compared by their change, which depends on the gradients and updates.
 */
export function compare(kind, expected, results) {
  const errors = results.map((result, i) => {
    const want = expected[i];
    if (kind !== 'train')
      return { error: norm(result.map((y, j) => y - want[j])) / norm(want), limit: TOLERANCE.output };
    const [[first], [wanted]] = [results[0], expected[0]];
    if (i === 0) return { error: Math.abs(first - wanted) / Math.abs(wanted), limit: TOLERANCE.loss };
    const change = want[0] - wanted;
    return { error: Math.abs(result[0] - first - change) / Math.abs(change), limit: TOLERANCE.change };
  });
  const agrees = errors.length > 1 && errors.every(({ error, limit }) => error <= limit);
  return { agrees, error: Math.max(...errors.map(({ error }) => error)) };
}
