/** Change a weight, a gate or an input, and see the effect on the forward and the backward pass. */
import { traced } from '../state.js';
import { GateEdit } from './GateEdit.js';
import { InputEdit } from './InputEdit.js';
import { WeightEdit } from './WeightEdit.js';

export function Edit() {
  const { trace, originalLoss } = traced.value!;
  return (
    <section aria-label="Edit">
      <h2>Edit</h2>
      <p class="hint">
        Everything above is updated immediately. Loss
        {originalLoss === null ? '' : ` before the edits ${originalLoss.toPrecision(4)}, now`}:{' '}
        <b data-testid="edited-loss">{trace.loss.toPrecision(4)}</b>.
      </p>
      <div class="edits">
        <WeightEdit />
        <GateEdit />
        <InputEdit />
      </div>
    </section>
  );
}
