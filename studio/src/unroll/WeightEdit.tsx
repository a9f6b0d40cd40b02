/** Changes the selected weight, and checks its gradient. */
import { useEffect, useId, useState } from 'preact/hooks';
import { checkGradient, setWeight } from '../actions.js';
import type { GradientCheck } from '../engine/api.js';
import { GradientCheckResult } from '../ui/GradientCheckResult.js';
import { formatNumber } from './numbers.js';
import { useLatest } from './useLatest.js';
import { selectedWeight, selectedWeightValues } from './weight.js';

export function WeightEdit() {
  const id = useId();
  const weight = selectedWeight.value;
  const values = selectedWeightValues.value;
  const key = weight ? `${weight.name}/${weight.row}/${weight.col}` : '';
  const [original, setOriginal] = useState<number | null>(null);
  const [check, setCheck] = useState<GradientCheck | null>(null);
  useEffect(() => {
    setOriginal(null);
    setCheck(null);
  }, [key]);
  const set = useLatest((value: number) => setWeight(weight!, value));
  if (!weight || !values) return null;
  const change = (value: number): void => {
    if (original === null) setOriginal(values.value);
    setCheck(null);
    set(value);
  };
  return (
    <div class="edit">
      <h3>
        <label for={id}>
          Weight {weight.label}, selected above: <b data-testid="weight-value">{formatNumber(values.value)}</b>
        </label>
      </h3>
      <input
        id={id}
        type="range"
        min={-4}
        max={4}
        step={0.01}
        value={values.value}
        onInput={(event) => change(event.currentTarget.valueAsNumber)}
      />
      <div class="controls">
        {original !== null && (
          <button type="button" onClick={() => change(original)}>
            Reset to {formatNumber(original)}
          </button>
        )}
        <button type="button" onClick={async () => setCheck(await checkGradient(weight))}>
          Check its gradient with a finite difference
        </button>
      </div>
      {check && <GradientCheckResult check={check} />}
    </div>
  );
}
