/** Changes the input of the selected time step. */
import { useId } from 'preact/hooks';
import { setEdits } from '../actions.js';
import { edits, time, traced } from '../state.js';
import { useLatest } from './useLatest.js';

type OnEdit = (values: readonly number[]) => void;

function TokenSelect({ names, token, onEdit }: { names: readonly string[]; token: number; onEdit: OnEdit }) {
  const id = useId();
  return (
    <>
      <label class="inline" for={id}>
        Character
      </label>
      <select id={id} value={token} onChange={(event) => onEdit([Number(event.currentTarget.value)])}>
        {names.map((name, i) => (
          <option key={name} value={i}>
            {name}
          </option>
        ))}
      </select>
    </>
  );
}

const NumberInputs = ({ values, onEdit }: { values: readonly number[]; onEdit: OnEdit }) => (
  <>
    {values.map((value, k) => (
      <label class="inline" key={k}>
        x[{k}]
        <input
          type="number"
          step="any"
          value={Number(value.toPrecision(4))}
          onChange={(event) => {
            const number = event.currentTarget.valueAsNumber;
            if (Number.isFinite(number)) onEdit(values.with(k, number));
          }}
        />
      </label>
    ))}
  </>
);

export function InputEdit() {
  const { tokenNames, trace, inputLabels } = traced.value!;
  const { input } = trace;
  const { inputs } = edits.value;
  const t = time.value;
  const others = inputs.filter((one) => one.t !== t);
  const edit = useLatest((values: readonly number[]) => setEdits({ inputs: [...others, { t, values }] }));
  return (
    <div class="edit">
      <h3>
        Input of step {t}: <b>{inputLabels[t]}</b>
      </h3>
      <div class="controls">
        {input.kind === 'tokens' && tokenNames && (
          <TokenSelect names={tokenNames} token={input.ids[t]!} onEdit={edit} />
        )}
        {input.kind === 'values' && (
          <NumberInputs
            values={Array.from(input.x.data.subarray(t * input.x.cols, (t + 1) * input.x.cols))}
            onEdit={edit}
          />
        )}
        <button type="button" disabled={inputs.length === 0} onClick={() => void setEdits({ inputs: [] })}>
          Restore the inputs
        </button>
      </div>
    </div>
  );
}
