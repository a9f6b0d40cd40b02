/** Training: controls, loss, gradient norm, and what the model produces. */
import { Setup } from '../setup/Setup.js';
import { sample, session } from '../state.js';
import { ForecastChart, GradientNormChart, LossChart } from './Charts.js';
import { Controls } from './Controls.js';
import { Counters } from './Counters.js';

export function Train() {
  return (
    <div class="columns">
      <Setup />
      <section class="training" aria-label="Training">
        <Controls />
        <Counters />
        <LossChart />
        <GradientNormChart />
        <h2>
          {session.value?.readsText ? 'Generated text' : 'Predictions for a validation sequence'}
          {sample.value && <span class="figures">, after update {sample.value.update.toLocaleString('en')}</span>}
        </h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls, which must work with the keyboard */}
        <pre class={`sample ${session.value?.readsText ? 'long' : ''}`} data-testid="sample" tabIndex={0}>
          {sample.value?.text || 'No output yet. Start the training.'}
        </pre>
        <ForecastChart />
      </section>
    </div>
  );
}
