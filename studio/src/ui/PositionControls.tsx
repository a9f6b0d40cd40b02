/** Controls for the selected sequence, layer, time step and unit, which all views share. */
import type { Signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { LstmTrace, Trace } from 'unspool/inspect';
import { showSequence } from '../actions.js';
import { layer, sequenceIndex, session, time, traced, tracedLayer, unit } from '../state.js';

interface StepperProps {
  readonly label: string;
  readonly value: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}

function Stepper({ label, value, max, onChange }: StepperProps) {
  const id = useId();
  return (
    <span class="inline">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={0}
        max={max}
        value={value}
        onInput={(event) => {
          const number = event.currentTarget.valueAsNumber;
          if (Number.isInteger(number) && number >= 0 && number <= max) onChange(number);
        }}
      />
    </span>
  );
}

const POSITIONS: readonly { label: string; value: Signal<number>; max(trace: Trace, layer: LstmTrace): number }[] = [
  { label: 'Layer', value: layer, max: ({ layers }) => layers.length - 1 },
  { label: 'Step', value: time, max: ({ steps }) => steps - 1 },
  { label: 'Unit', value: unit, max: (_, { hiddenSize }) => hiddenSize - 1 },
];

export function PositionControls() {
  const trace = traced.value?.trace;
  const shownLayer = tracedLayer.value;
  if (!trace || !shownLayer) return null;
  return (
    <div class="controls position">
      <Stepper
        label="Sequence"
        value={sequenceIndex.value}
        max={session.value!.sequenceCount - 1}
        onChange={(value) => void showSequence(value)}
      />
      {POSITIONS.map(({ label, value, max }) => {
        const last = max(trace, shownLayer);
        if (label === 'Layer' && last === 0) return null;
        return (
          <Stepper
            key={label}
            label={label}
            value={value.value}
            max={last}
            onChange={(number) => {
              value.value = number;
            }}
          />
        );
      })}
      <span class="hint figures">
        loss of this sequence <b data-testid="sequence-loss">{trace.loss.toPrecision(4)}</b> after update{' '}
        <b data-testid="traced-update">{traced.value!.update.toLocaleString('en')}</b>
      </span>
    </div>
  );
}
