/** What the model produces with its current weights: a text, or predictions for a validation sequence. */
import { sample, session } from '../state.js';
import { ForecastChart, isDrawn } from './Charts.js';

export const ModelOutput = () => (
  <section class="model-output" aria-label="What the model produces">
    <p class="hint task">{session.value?.description}</p>
    {isDrawn(sample.value) ? (
      <ForecastChart />
    ) : (
      <h2>
        {session.value?.readsText ? 'Generated text' : 'Predictions for a validation sequence'}
        {sample.value && <span class="figures">, after update {sample.value.update.toLocaleString('en')}</span>}
      </h2>
    )}
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls, which must work with the keyboard */}
    <pre class={`sample ${session.value?.readsText ? 'long' : ''}`} data-testid="sample" tabIndex={0}>
      {sample.value?.text || 'No output yet. Start the training.'}
    </pre>
  </section>
);
