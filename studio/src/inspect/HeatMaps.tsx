/** Heat maps of the gates and the states over time, or of their gradients. */
import { useState } from 'preact/hooks';
import { time, tracedLayer, unit } from '../state.js';
import { Heatmap } from '../ui/Heatmap.js';
import { gridOf, isFraction, QUANTITIES, QUANTITY_TITLES } from './quantities.js';

const FRACTION = [0, 1] as const;
const MIN_HEIGHT = 60;
const MAX_HEIGHT = 180;

const select = (toTime: number, toUnit: number): void => {
  time.value = toTime;
  unit.value = toUnit;
};

export function HeatMaps() {
  const [gradient, setGradient] = useState(false);
  const layer = tracedLayer.value!;
  const height = Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, layer.hiddenSize * 4));
  return (
    <section aria-label="Heat maps">
      <h2>All units over time</h2>
      <fieldset class="controls" aria-label="Quantity">
        <button type="button" aria-pressed={!gradient} onClick={() => setGradient(false)}>
          Values
        </button>
        <button type="button" aria-pressed={gradient} onClick={() => setGradient(true)}>
          Gradients of the loss
        </button>
      </fieldset>
      <div class="maps">
        {QUANTITIES.map((quantity) => {
          const fraction = !gradient && isFraction(quantity);
          return (
            <Heatmap
              key={quantity}
              title={gradient ? `dL/d${quantity}` : QUANTITY_TITLES[quantity]}
              grid={gridOf(layer, quantity, gradient)}
              kind={fraction ? 'size' : 'sign'}
              {...(fraction ? { range: FRACTION } : {})}
              time={time.value}
              unit={unit.value}
              height={height}
              onSelect={select}
            />
          );
        })}
      </div>
    </section>
  );
}
