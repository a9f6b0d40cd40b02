/** Any parameter’s gradient as a map; the one that is clicked is checked by a finite difference. */
import { useEffect, useId, useState } from 'preact/hooks';
import type { Difference } from '../engine/api.js';
import { difference, look } from '../state.js';
import { Heatmap } from '../ui/Heatmap.js';

export function Weights() {
  const id = useId();
  const { trace } = look.value!;
  const names = Object.keys(trace.gradients);
  const [name, setName] = useState(() => names.find((one) => one.includes('weight_hh')) ?? names[0]!);
  const [[row, col], setPlace] = useState<readonly [number, number]>([0, 0]);
  const [checked, setChecked] = useState<Difference | null>(null);
  const shown = names.includes(name) ? name : names[0]!;
  const grid = trace.gradients[shown]!;
  const [atRow, atCol] = [Math.min(row, grid.rows - 1), Math.min(col, grid.cols - 1)];
  useEffect(() => setChecked(null), [shown, atRow, atCol, trace]);
  return (
    <section aria-label="Weights">
      <h2>The gradient of every weight</h2>
      <div class="controls">
        <label class="inline" for={id}>
          Parameter
        </label>
        <select id={id} class="narrow" value={shown} onChange={(event) => setName(event.currentTarget.value)}>
          {names.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <Heatmap
        title={`dL/d ${shown}`}
        grid={grid}
        kind="sign"
        time={atRow}
        unit={atCol}
        names={['row', 'column']}
        height={140}
        choose={(toRow, toCol) => setPlace([toRow, toCol])}
      />
      <p>
        <button
          type="button"
          onClick={async () => setChecked(await difference({ name: shown, row: atRow, col: atCol }))}
        >
          Check [{atRow}, {atCol}] by a finite difference
        </button>
      </p>
      {checked && (
        <p class="hint" data-testid="difference" data-difference={checked.difference} data-gradient={checked.gradient}>
          w = {checked.value.toPrecision(4)}, ε = {checked.step.toPrecision(1)}: L goes from{' '}
          {checked.lossBelow.toPrecision(10)} to {checked.lossAbove.toPrecision(10)}, a slope of{' '}
          <b>{checked.difference.toPrecision(8)}</b>. By BPTT: <b>{checked.gradient.toPrecision(8)}</b>.
        </p>
      )}
    </section>
  );
}
