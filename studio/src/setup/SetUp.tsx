/** What to learn, with which model, and how. A change makes model and data anew; everything stands in the URL. */
import { useId } from 'preact/hooks';
import { BACKENDS, CELLS, ESTIMATOR_CHOICES, LIMITS, OPTIMIZER_NAMES, type Settings } from '../settings.js';
import { busy, choose, facts, own, settings, setUp } from '../state.js';
import { Data } from './Data.js';
import { ModelFiles } from './ModelFiles.js';

const PRESET_NAMES: Readonly<Record<Settings['preset'], string>> = {
  counting: 'Counting ones',
  anbn: 'aⁿbⁿ',
  copy: 'Copy',
  adding: 'Adding',
  sine: 'Waves',
  names: 'Names',
  novel: 'Moby-Dick',
  births: 'US births',
  own: 'Your own',
};

const CELL_NAMES = {
  standard: 'standard',
  coupled: 'forget gate 1 − i',
  peepholes: 'peepholes',
  layerNorm: 'layer normalization',
} as const;

type Numbers = 'layers' | 'units' | 'rate' | 'batch' | 'steps' | 'seed';

function NumberField({ name, label, step = 1 }: { name: Numbers; label: string; step?: number | 'any' }) {
  const id = useId();
  const [low, high] = LIMITS[name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={low}
        max={high}
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

type Choices = 'cell' | 'optimizer' | 'estimator' | 'backend';

function Choice({
  name,
  label,
  of,
  say = (value) => value,
}: {
  name: Choices;
  label: string;
  of: readonly string[];
  say?: (value: string) => string;
}) {
  const id = useId();
  const values = of.includes(settings.value[name]) ? of : [...of, settings.value[name]];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={settings.value[name]}
        onChange={(event) => void setUp({ ...settings.value, [name]: event.currentTarget.value })}
      >
        {values.map((value) => (
          <option key={value} value={value}>
            {say(value)}
          </option>
        ))}
      </select>
    </div>
  );
}

export function SetUp() {
  return (
    <section class="setup" aria-label="Set up" aria-busy={busy.value}>
      <h2>What to learn</h2>
      <fieldset class="presets" aria-label="Presets">
        {(Object.keys(PRESET_NAMES) as Settings['preset'][])
          .filter((preset) => preset !== 'own' || own.value)
          .map((preset) => (
            <button
              key={preset}
              type="button"
              aria-pressed={settings.value.preset === preset}
              onClick={() => void (preset === 'own' ? setUp({ ...settings.value, preset }) : choose(preset))}
            >
              {PRESET_NAMES[preset]}
            </button>
          ))}
      </fieldset>
      <p class="about">{facts.value?.about ?? ' '}</p>
      <Data />
      <h2>Model</h2>
      <div class="fields">
        <NumberField name="layers" label="LSTM layers" />
        <NumberField name="units" label="Units a layer" />
        <Choice
          name="cell"
          label="Cell"
          of={CELLS}
          say={(value) => CELL_NAMES[value as keyof typeof CELL_NAMES] ?? value}
        />
        <NumberField name="seed" label="Seed" />
      </div>
      <h2>Training</h2>
      <div class="fields">
        <Choice name="optimizer" label="Optimizer" of={OPTIMIZER_NAMES} />
        <NumberField name="rate" label="Learning rate" step="any" />
        <NumberField name="batch" label="Sequences a batch" />
        <NumberField name="steps" label="Time steps" />
        <Choice name="estimator" label="Gradient" of={ESTIMATOR_CHOICES} />
        <Choice name="backend" label="Backend" of={BACKENDS} />
      </div>
      {facts.value && (
        <p class="about">
          {facts.value.count.toLocaleString('en')} parameters, on {facts.value.backend}; {facts.value.batchesPerEpoch}{' '}
          batches an epoch.
        </p>
      )}
      <ModelFiles />
    </section>
  );
}
