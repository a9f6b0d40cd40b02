/** Experiments with the session's model: estimators compared, learning rates compared, the speed of a stream. */
import { createModel, createOptimizer, fit } from 'unspool';
import { batchToSteps, compare, modelSystem, parseEstimator } from 'unspool/lab';
import type { EstimatorComparison, EstimatorResult, SweepResult } from './api.js';
import { CLIP_NORM, type Session, UNLIMITED_EPOCHS } from './session.js';
import { withShownModel } from './tracing.js';

/** Estimates to draw from a random estimator. */
const DRAWS = 24;
const WARM_UP_STEPS = 20;

/** Compares gradient estimators with the exact gradient of the shown pass, in float64. */
export function compareEstimators(session: Session, names: readonly string[]): Promise<EstimatorComparison> {
  const { loss } = session.task;
  return withShownModel(session, 'float64', async (copy, { batch, update }) => {
    const system = modelSystem(copy, { loss });
    const sequence = batchToSteps(batch, loss);
    const results = names.map((name): EstimatorResult => {
      try {
        const report = compare([parseEstimator(name)], system, sequence, { draws: DRAWS });
        const { total, floats, macs } = report.comparisons[0]!;
        const { cosine, normRatio, variance } = total;
        return { name, cosine, normRatio, variance, floats, macs, problem: null };
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        return { name, cosine: 0, normRatio: 0, variance: 0, floats: 0, macs: 0, problem };
      }
    });
    system.dispose();
    return { update, results };
  });
}

/** Trains a new model of the same kind with each of these learning rates. */
export async function sweepLearningRates(
  session: Session,
  learningRates: readonly number[],
  updates: number,
): Promise<SweepResult[]> {
  const results: SweepResult[] = [];
  for (const learningRate of learningRates) results.push(await trainBriefly(session, learningRate, updates));
  return results;
}

async function trainBriefly(session: Session, learningRate: number, updates: number): Promise<SweepResult> {
  const { settings, task } = session;
  const model = await createModel(session.model.spec, { backend: settings.backend });
  const losses: [number, number][] = [];
  let validation: number | null = null;
  try {
    const training = fit(model, task.data, {
      optimizer: createOptimizer({ kind: settings.optimizer, learningRate }),
      loss: task.loss,
      clipNorm: CLIP_NORM,
      maxUpdates: updates,
      validateEvery: updates,
      epochs: UNLIMITED_EPOCHS,
      seed: 1,
    });
    for await (const event of training) {
      if (event.kind === 'update') losses.push([event.update, session.inShownUnit(event.loss)]);
      if (event.kind === 'validation') validation = session.inShownUnit(event.loss);
    }
  } catch {
    // With a learning rate that is too high, the loss becomes NaN and the curve ends.
  } finally {
    model.dispose();
  }
  return { learningRate, losses, validation };
}

/** Milliseconds per time step, if the steps are fed one at a time and the state is carried. */
export async function measureStreaming({ model, task }: Session, steps: number): Promise<number> {
  const { batch } = task.sequence(0);
  const width = batch.inputs.length / batch.steps;
  const stream = model.stream(1);
  const input = (t: number): number[] =>
    Array.prototype.slice.call(batch.inputs, (t % batch.steps) * width, ((t % batch.steps) + 1) * width);
  try {
    for (let t = 0; t < WARM_UP_STEPS; t++) await stream.step(input(t));
    const start = performance.now();
    for (let t = 0; t < steps; t++) await stream.step(input(t));
    return (performance.now() - start) / steps;
  } finally {
    stream.dispose();
  }
}
