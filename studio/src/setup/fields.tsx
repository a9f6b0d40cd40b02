/** Form fields that are bound to one of the settings. */
import { useId } from 'preact/hooks';
import { setUp } from '../actions.js';
import { LIMITS, type Settings } from '../settings.js';
import { settings } from '../state.js';

interface NumberFieldProps {
  readonly name: keyof typeof LIMITS;
  readonly label: string;
  readonly step?: number | 'any';
}

export function NumberField({ name, label, step = 1 }: NumberFieldProps) {
  const id = useId();
  const [min, max] = LIMITS[name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={min}
        max={max}
        step={step}
        value={settings.value[name]}
        onChange={(event) => {
          const field = event.currentTarget;
          if (field.reportValidity()) void setUp({ ...settings.value, [name]: field.valueAsNumber });
        }}
      />
    </div>
  );
}

interface SelectFieldProps {
  readonly name: Exclude<keyof Settings, keyof typeof LIMITS | 'preset'>;
  readonly label: string;
  readonly values: readonly string[];
  readonly titleOf?: (value: string) => string;
  /** An explanation of the current value. */
  readonly hintOf?: (value: string) => string;
}

export function SelectField({ name, label, values, titleOf = (value) => value, hintOf }: SelectFieldProps) {
  const id = useId();
  const current = settings.value[name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={current}
        onChange={(event) => void setUp({ ...settings.value, [name]: event.currentTarget.value })}
      >
        {(values.includes(current) ? values : [...values, current]).map((value) => (
          <option key={value} value={value}>
            {titleOf(value)}
          </option>
        ))}
      </select>
      {hintOf && <small class="hint">{hintOf(current)}</small>}
    </div>
  );
}
