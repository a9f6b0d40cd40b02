/** The numbers of the training run. Each has a column of fixed width, so that the line does not move while they change. */
import type { ComponentChildren } from 'preact';
import { epoch, losses, playing, update, updatesPerSecond, validation } from '../state.js';

/** Four significant digits: 2.345, 0.01234, 3.420e-5. */
function formatLoss(value: number | undefined): string {
  if (value === undefined) return '–';
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(3) : value.toPrecision(4);
}

/** Integers, or two digits for a model that needs more than a tenth of a second. */
const formatSpeed = (value: number): string =>
  value >= 10 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2)));

const Counter = ({ name, id, children }: { name: string; id?: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd data-testid={id}>{children}</dd>
  </div>
);

export function Counters() {
  return (
    <dl class="counts" aria-live="off">
      <Counter name="update" id="update">
        {update.value.toLocaleString('en')}
      </Counter>
      <Counter name="epoch">{epoch.value.toLocaleString('en')}</Counter>
      <Counter name="training loss" id="loss">
        {formatLoss(losses.value.at(-1)?.[1])}
      </Counter>
      <Counter name="validation loss" id="validation">
        {formatLoss(validation.value.at(-1)?.[1])}
      </Counter>
      <Counter name="updates/s">{playing.value ? formatSpeed(updatesPerSecond.value) : '–'}</Counter>
    </dl>
  );
}
