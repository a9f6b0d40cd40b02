/** Does an engine compute what our reference computes in float64? Asked before anything is timed. */
import { create } from './adapters/unspool.mjs';
import { makeData } from './workloads.mjs';

/** Of the first loss, of the change of each later loss since the first, and of an output by its norm. */
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
 * `error`: the largest relative error; `agrees`: whether all are within the tolerances. A loss is nearly all made of where the
 * weights started, so that later ones are compared by their change, which is made of gradients and updates.
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
