/** Edits a weight, and checks its gradient. */
import { createModel, type Model } from 'unspool';
import type { GradientCheck, WeightPosition } from './api.js';
import type { Session } from './session.js';

export async function setWeight({ model }: Session, { name, row, col }: WeightPosition, value: number): Promise<void> {
  const { parameters } = model;
  const values = (await parameters.download()).get(name)!;
  values[row * parameters.layout.entry(name).shape.at(-1)! + col] = value;
  parameters.set(name, values);
}

/** Runs `act` with a float64 copy of the model, precise enough for differences of a millionth. */
export async function withFloat64Copy<T>(model: Model, act: (copy: Model) => Promise<T>): Promise<T> {
  const copy = await createModel(model.spec, { backend: 'reference', precision: 'float64' });
  try {
    for (const [name, values] of await model.parameters.download()) copy.parameters.set(name, values);
    return await act(copy);
  } finally {
    copy.dispose();
  }
}

/** Compares a weight's gradient by BPTT with a central difference, in float64. */
export function checkGradient(
  { model, task }: Session,
  index: number,
  { name, row, col }: WeightPosition,
): Promise<GradientCheck> {
  const { batch } = task.sequence(index);
  const { loss } = task;
  return withFloat64Copy(model, async (copy) => {
    const { offset, shape } = copy.parameters.layout.entry(name);
    const at = offset + row * shape.at(-1)! + col;
    const theta = copy.kernels.host(copy.parameters.matrix)!;
    const value = theta[at]!;
    const { gradients, tape } = await copy.gradients(batch, { loss });
    const gradient = copy.kernels.host(gradients.matrix)![at]!;
    const epsilon = 1e-5 * Math.max(1, Math.abs(value));
    const lossAt = async (moved: number): Promise<number> => {
      theta[at] = moved;
      return (await copy.evaluate(batch, { loss })).loss;
    };
    const [lossAbove, lossBelow] = [await lossAt(value + epsilon), await lossAt(value - epsilon)];
    gradients.free();
    tape.free();
    const finiteDifference = (lossAbove - lossBelow) / (2 * epsilon);
    return { value, epsilon, lossAbove, lossBelow, finiteDifference, gradient };
  });
}
