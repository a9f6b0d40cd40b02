/** Clamps a gate of the selected unit at all time steps. */
import { useId, useState } from 'preact/hooks';
import { GATES, type Gate } from 'unspool/inspect';
import { setEdits } from '../actions.js';
import type { Clamp } from '../engine/api.js';
import { edits, layer, time, tracedLayer, unit } from '../state.js';
import { formatNumber } from './numbers.js';
import { useLatest } from './useLatest.js';

const ClampList = ({ clamps }: { clamps: readonly Clamp[] }) => (
  <p class="hint">
    Clamped: {clamps.map(({ gate, unit: j, value }) => `${gate} of unit ${j} at ${formatNumber(value)}`).join(', ')}. No
    gradient flows through a clamped gate.
  </p>
);

export function GateEdit() {
  const [gateId, valueId] = [useId(), useId()];
  const [gate, setGate] = useState<Gate>('f');
  const { clamps } = edits.value;
  const isThis = (one: Clamp): boolean => one.layer === layer.value && one.gate === gate && one.unit === unit.value;
  const clamp = clamps.find(isThis);
  const others = clamps.filter((one) => !isThis(one));
  const { data, cols } = tracedLayer.value!.gates[gate];
  const value = data[time.value * cols + unit.value]!;
  const clampAt = useLatest((to: number) =>
    setEdits({ clamps: [...others, { layer: layer.value, gate, unit: unit.value, value: to }] }),
  );
  return (
    <div class="edit">
      <h3>
        <label for={valueId}>
          Clamp a gate of unit {unit.value} at all time steps: {gate}{' '}
          <b data-testid="gate-value">{formatNumber(value)}</b>
        </label>
      </h3>
      <div class="controls">
        <label class="inline" for={gateId}>
          Gate
        </label>
        <select id={gateId} value={gate} onChange={(event) => setGate(event.currentTarget.value as Gate)}>
          {GATES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <input
          id={valueId}
          type="range"
          min={gate === 'g' ? -1 : 0}
          max={1}
          step={0.01}
          value={clamp?.value ?? value}
          onInput={(event) => clampAt(event.currentTarget.valueAsNumber)}
        />
        <button type="button" disabled={!clamp} onClick={() => void setEdits({ clamps: others })}>
          Release
        </button>
      </div>
      {clamps.length > 0 && <ClampList clamps={clamps} />}
    </div>
  );
}
