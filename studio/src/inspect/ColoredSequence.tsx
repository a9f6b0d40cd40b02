/** The sequence, colored by a unit, or by the influence of each input on one prediction. */
import { useMemo, useState } from 'preact/hooks';
import type { LagFlow, LstmTrace } from 'unspool/inspect';
import { time, tracedLayer, unit } from '../state.js';
import { colorIndex, colorTable, css } from '../ui/colors.js';
import { Tokens } from '../ui/Tokens.js';
import { scheme } from '../ui/theme.js';
import { gridOf, isBounded, QUANTITIES, QUANTITY_TITLES, type Quantity } from './quantities.js';
import { useLagFlow } from './useLagFlow.js';

type ColorBy = Quantity | 'influence';
type Background = (t: number) => string | undefined;

/** By the norm of the gradient of one step's loss by each earlier input. */
function influenceBackground(flow: LagFlow | null): Background {
  if (!flow) return () => undefined;
  const max = Math.max(...flow.x, 1e-30);
  const colors = colorTable('sign', scheme.value); // its upper half
  return (t) => {
    if (t > flow.step) return undefined;
    return css(colors, colorIndex(flow.x[flow.step - t] ?? 0, -max, max));
  };
}

function unitBackground(layer: LstmTrace, quantity: Quantity, j: number): Background {
  const colors = colorTable('sign', scheme.value);
  const { rows, cols, data } = gridOf(layer, quantity, false);
  const values = Array.from({ length: rows }, (_, t) => data[t * cols + j]!);
  const max = isBounded(quantity) ? 1 : Math.max(...values.map(Math.abs), 1e-9);
  return (t) => css(colors, colorIndex(values[t]!, -max, max));
}

export function ColoredSequence() {
  const [by, setBy] = useState<ColorBy>('h');
  const layer = tracedLayer.value!;
  const t = time.value;
  const flow = useLagFlow(by === 'influence' ? t : null);
  const background = useMemo(
    () => (by === 'influence' ? influenceBackground(flow) : unitBackground(layer, by, unit.value)),
    [by, flow, layer, unit.value, scheme.value],
  );
  return (
    <section aria-label="Colored sequence">
      <h2>Input sequence</h2>
      <div class="controls">
        <label class="inline">
          Color by{' '}
          <select value={by} onChange={(event) => setBy(event.currentTarget.value as ColorBy)}>
            {QUANTITIES.map((quantity) => (
              <option key={quantity} value={quantity}>
                {QUANTITY_TITLES[quantity]} of unit {unit.value}
              </option>
            ))}
            <option value="influence">influence on the loss at step {t}</option>
          </select>
        </label>
        <span class="hint">
          {by === 'influence'
            ? 'Click a time step. The stronger the color, the more a change of that input would change the loss at the selected step.'
            : 'Blue is negative, orange is positive. Click a time step to select it.'}
        </span>
      </div>
      <div class={`colored ${by}`}>
        <Tokens background={background} />
      </div>
    </section>
  );
}
