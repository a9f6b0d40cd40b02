/** Traces of the inspected sequence: every number of a forward and a backward pass. */
import { gradientByLag, type LagFlow, trace } from 'unspool/inspect';
import type { Edits, TracedSequence } from './api.js';
import { withClamps, withInputs } from './edits.js';
import type { Session } from './session.js';

export async function traceSequence({ task, model }: Session, index: number, edits: Edits): Promise<TracedSequence> {
  const { batch, inputLabels, targetLabels } = task.sequence(index);
  const { loss } = task;
  const tokenNames = task.vocabulary && task.outputNames;
  const original = await trace(model, batch, { loss });
  if (edits.inputs.length + edits.clamps.length === 0) {
    return { index, inputLabels, targetLabels, tokenNames, trace: original, originalLoss: null };
  }
  const edited = withInputs(batch, edits);
  const labels = inputLabels.map((label, t) => {
    const edit = edits.inputs.find((one) => one.t === t);
    return edit ? (tokenNames?.[edit.values[0]!] ?? edit.values.join(' · ')) : label;
  });
  const changed = await withClamps(model, edits.clamps, (copy) => trace(copy, edited, { loss }));
  return { index, inputLabels: labels, targetLabels, tokenNames, trace: changed, originalLoss: original.loss };
}

/** How the gradient of the loss at time step `t` flows back to earlier steps. */
export const traceGradientByLag = ({ model, task }: Session, index: number, t: number): Promise<LagFlow> =>
  gradientByLag(model, task.sequence(index).batch, { step: t, loss: task.loss });
