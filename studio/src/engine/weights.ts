/** Edits a weight, and checks its gradient. */
import type { GradientCheck, WeightPosition } from './api.js';
import type { Session } from './session.js';
import { withShownModel } from './tracing.js';

export async function setWeight({ model }: Session, { name, row, col }: WeightPosition, value: number): Promise<void> {
  const { parameters } = model;
  const values = (await parameters.download()).get(name)!;
  values[row * parameters.layout.entry(name).shape.at(-1)! + col] = value;
  parameters.set(name, values);
}

/** Compares a weight's gradient by BPTT with a central difference, in float64, for the pass that is shown. */
export function checkGradient(session: Session, { name, row, col }: WeightPosition): Promise<GradientCheck> {
  const { loss } = session.task;
  return withShownModel(session, 'float64', async (copy, { batch, update }) => {
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
    return { update, value, epsilon, lossAbove, lossBelow, finiteDifference, gradient };
  });
}
