/** The gradient of every weight of a parameter, and a check of the selected one. */
import { useEffect, useId, useState } from 'preact/hooks';
import { checkGradient } from '../actions.js';
import type { GradientCheck } from '../engine/api.js';
import { traced } from '../state.js';
import { GradientCheckResult } from '../ui/GradientCheckResult.js';
import { Heatmap } from '../ui/Heatmap.js';

const AXES = ['row', 'column'] as const;

export function Weights() {
  const id = useId();
  const { trace } = traced.value!;
  const names = Object.keys(trace.gradients);
  const [selected, setSelected] = useState(() => names.find((one) => one.includes('weight_hh')) ?? names[0]!);
  const [position, setPosition] = useState<readonly [row: number, col: number]>([0, 0]);
  const [check, setCheck] = useState<GradientCheck | null>(null);
  const name = names.includes(selected) ? selected : names[0]!;
  const grid = trace.gradients[name]!;
  const [row, col] = [Math.min(position[0], grid.rows - 1), Math.min(position[1], grid.cols - 1)];
  useEffect(() => setCheck(null), [name, row, col]);
  return (
    <section aria-label="Weights">
      <h2>Gradient of each weight</h2>
      <div class="controls">
        <label class="inline" for={id}>
          Parameter
        </label>
        <select id={id} class="narrow" value={name} onChange={(event) => setSelected(event.currentTarget.value)}>
          {names.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <Heatmap
        title={`dL/d ${name}`}
        grid={grid}
        kind="sign"
        time={row}
        unit={col}
        names={AXES}
        height={140}
        onSelect={(toRow, toCol) => setPosition([toRow, toCol])}
      />
      <p>
        <button type="button" onClick={async () => setCheck(await checkGradient({ name, row, col }))}>
          Check [{row}, {col}] with a finite difference
        </button>
      </p>
      {check && <GradientCheckResult check={check} />}
    </section>
  );
}
