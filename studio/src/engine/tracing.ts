/** Traces of the inspected sequence: every number of a forward and a backward pass. */
import { type Batch, createModel, type Model } from 'unspool';
import { gradientByLag, type LagFlow, type Trace, trace } from 'unspool/inspect';
import type { Edits, TracedSequence } from './api.js';
import { withClamps, withInputs } from './edits.js';
import type { Session } from './session.js';

/** The pass that the page shows. Everything that is computed about it later uses these weights, even if the training is further. */
export interface ShownPass {
  readonly id: number;
  readonly update: number;
  readonly batch: Batch;
  readonly parameters: Trace['parameters'];
}

let passes = 0;

async function flowsOf(model: Model, batch: Batch, { task }: Session, steps: readonly number[]): Promise<LagFlow[]> {
  const flows: LagFlow[] = [];
  for (const step of steps.filter((t) => t < batch.steps)) {
    flows.push(await gradientByLag(model, batch, { step, loss: task.loss }));
  }
  return flows;
}

/** `lagSteps`: time steps whose gradient by lag is computed too. */
export async function traceSequence(
  session: Session,
  index: number,
  edits: Edits,
  lagSteps: readonly number[],
): Promise<TracedSequence> {
  const { task, model, update } = session;
  const { batch, inputLabels, targetLabels } = task.sequence(index);
  const tokenNames = task.vocabulary && task.outputNames;
  const isEdited = edits.inputs.length + edits.clamps.length > 0;
  const originalLoss = isEdited ? (await model.evaluate(batch, { loss: task.loss })).loss : null;
  const edited = withInputs(batch, edits);
  let flows: LagFlow[] = [];
  const pass = await withClamps(model, edits.clamps, async (one) => {
    flows = await flowsOf(one, edited, session, lagSteps);
    return trace(one, edited, { loss: task.loss });
  });
  passes++;
  session.shown = { id: passes, update, batch: edited, parameters: pass.parameters };
  const labels = inputLabels.map((label, t) => {
    const edit = edits.inputs.find((one) => one.t === t);
    return edit ? (tokenNames?.[edit.values[0]!] ?? edit.values.join(' · ')) : label;
  });
  return {
    ...{ id: passes, update, index, inputLabels: labels, targetLabels, tokenNames },
    ...{ trace: pass, originalLoss, flows },
  };
}

function requireShown({ shown }: Session): ShownPass {
  if (!shown) throw new Error('No sequence is shown.');
  return shown;
}

/** Runs `act` with a copy of the model that has the weights of the shown pass; in float64 if asked to. */
export async function withShownModel<T>(
  session: Session,
  precision: 'float64' | 'same',
  act: (copy: Model, shown: ShownPass) => Promise<T>,
): Promise<T> {
  const shown = requireShown(session);
  const { spec, kernels } = session.model;
  const copy = await createModel(
    spec,
    precision === 'float64'
      ? { backend: 'reference', precision }
      : { backend: kernels.name as 'wasm', precision: kernels.precision },
  );
  try {
    for (const [name, { data }] of Object.entries(shown.parameters)) copy.parameters.set(name, data);
    return await act(copy, shown);
  } finally {
    copy.dispose();
  }
}

/** How the gradient of the loss at time step `t` flows back to earlier steps; null if another pass is shown by now. */
export async function traceGradientByLag(session: Session, id: number, t: number): Promise<LagFlow | null> {
  if (session.shown?.id !== id) return null;
  return withShownModel(session, 'same', (copy, { batch }) =>
    gradientByLag(copy, batch, { step: t, loss: session.task.loss }),
  );
}
