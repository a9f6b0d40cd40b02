/** Training: controls, loss, gradient norm, and what the model produces. */
import { Setup } from '../setup/Setup.js';
import { epoch, losses, playing, sample, session, update, updatesPerSecond, validation } from '../state.js';
import { ForecastChart, GradientNormChart, LossChart } from './Charts.js';
import { Controls } from './Controls.js';

function Counters() {
  return (
    <p class="counts" aria-live="off">
      <span>
        update <b data-testid="update">{update.value.toLocaleString('en')}</b>
      </span>
      <span>
        epoch <b>{epoch.value}</b>
      </span>
      <span>
        loss <b data-testid="loss">{losses.value.at(-1)?.[1].toPrecision(4) ?? '–'}</b>
      </span>
      <span>
        validation <b data-testid="validation">{validation.value.at(-1)?.[1].toPrecision(4) ?? '–'}</b>
      </span>
      <span>
        <b>{playing.value ? Math.round(updatesPerSecond.value) : 0}</b> updates per second
      </span>
    </p>
  );
}

export function Train() {
  return (
    <div class="columns">
      <Setup />
      <section class="training" aria-label="Training">
        <Controls />
        <Counters />
        <LossChart />
        <GradientNormChart />
        <h2>{session.value?.readsText ? 'Generated text' : 'Predictions for a validation sequence'}</h2>
        <pre class="sample" data-testid="sample">
          {sample.value?.text || 'No output yet. Start the training.'}
        </pre>
        <ForecastChart />
      </section>
    </div>
  );
}
