/** The task, the model and the training settings. Every change creates a new model and updates the URL. */
import { choosePreset, setUp } from '../actions.js';
import { describeEstimator } from '../estimators.js';
import { BACKENDS, CELLS, type Settings, toQuery } from '../settings.js';
import { busy, choices, session, settings, userData } from '../state.js';
import { NumberField, SelectField } from './fields.js';
import { ModelFiles } from './ModelFiles.js';
import { UserDataForm } from './UserDataForm.js';

const PRESET_TITLES: Readonly<Record<Settings['preset'], string>> = {
  counting: 'Counting ones',
  anbn: 'aⁿbⁿ',
  copy: 'Copy',
  adding: 'Adding',
  sine: 'Sine waves',
  names: 'Names',
  novel: 'Moby-Dick',
  births: 'US births',
  own: 'Your data',
};

const CELL_TITLES: Readonly<Record<string, string>> = {
  standard: 'standard',
  coupled: 'coupled gates (f = 1 − i)',
  peepholes: 'peepholes',
  layerNorm: 'layer normalization',
};

const Presets = () => (
  <fieldset class="presets" aria-label="Presets">
    {(Object.keys(PRESET_TITLES) as Settings['preset'][])
      .filter((preset) => preset !== 'own' || userData.value)
      .map((preset) => (
        <button
          key={preset}
          type="button"
          aria-pressed={settings.value.preset === preset}
          onClick={() => void (preset === 'own' ? setUp({ ...settings.value, preset }) : choosePreset(preset))}
        >
          {PRESET_TITLES[preset]}
        </button>
      ))}
  </fieldset>
);

const Summary = () =>
  session.value && (
    <p class="about">
      {session.value.modelFile && (
        <>
          This is the model of <b>{session.value.modelFile}</b>. To replace it with a new one, press Reset or change a
          setting.{' '}
        </>
      )}
      {session.value.parameterCount.toLocaleString('en')} parameters. Backend: {session.value.backend}.{' '}
      {session.value.batchesPerEpoch.toLocaleString('en')} {session.value.batchesPerEpoch === 1 ? 'batch' : 'batches'}{' '}
      per epoch.
    </p>
  );

/** Shown if the settings failed: the error message is at the top of the page. */
const NotApplied = () => {
  const made = session.value;
  if (!made || busy.value || toQuery(made.settings) === toQuery(settings.value)) return null;
  return (
    <p class="about not-applied">
      These settings were not applied. The page still has the previous model ({PRESET_TITLES[made.settings.preset]}).
    </p>
  );
};

export function Setup() {
  return (
    <section class="setup" aria-label="Set up" aria-busy={busy.value}>
      <h2>Task</h2>
      <Presets />
      <p class="about">{session.value?.description ?? ' '}</p>
      <UserDataForm />
      <h2>Model</h2>
      <div class="fields">
        <NumberField name="layers" label="LSTM layers" />
        <NumberField name="units" label="Units per layer" />
        <SelectField name="cell" label="Cell" values={CELLS} titleOf={(value) => CELL_TITLES[value] ?? value} />
        <NumberField name="seed" label="Seed" />
      </div>
      <h2>Training</h2>
      <div class="fields">
        <SelectField name="optimizer" label="Optimizer" values={choices.value.optimizers} />
        <NumberField name="learningRate" label="Learning rate" step="any" />
        <NumberField name="batchSize" label="Batch size" />
        <NumberField name="steps" label="Time steps" />
        <SelectField
          name="estimator"
          label="Gradient estimator"
          values={choices.value.estimators}
          hintOf={describeEstimator}
        />
        <SelectField name="backend" label="Backend" values={BACKENDS} />
      </div>
      <NotApplied />
      <Summary />
      <ModelFiles />
    </section>
  );
}
