/** Training: an introduction, controls, what the model produces, the loss and the gradient norm. */
import { Setup } from '../setup/Setup.js';
import { GradientNormChart, LossChart } from './Charts.js';
import { Controls } from './Controls.js';
import { Counters } from './Counters.js';
import { Intro } from './Intro.js';
import { ModelOutput } from './ModelOutput.js';

export function Train() {
  return (
    <div class="columns">
      <Setup />
      <section class="training" aria-label="Training">
        <Intro />
        <Controls />
        <ModelOutput />
        <Counters />
        <LossChart />
        <GradientNormChart />
      </section>
    </div>
  );
}
