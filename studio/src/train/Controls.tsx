/** Buttons that start and stop the training. */
import { advance, pause, play, reset, setSpeed } from '../actions.js';
import { playing, session, speed } from '../state.js';

/** Updates per second. */
const SPEEDS = [1, 5, 25, Number.POSITIVE_INFINITY];

export function Controls() {
  const isReady = session.value !== null;
  const canStart = isReady && !playing.value;
  return (
    <fieldset class="controls" aria-label="Training">
      <button type="button" class="main" disabled={!isReady} onClick={() => void (playing.value ? pause() : play())}>
        {playing.value ? 'Pause' : 'Play'}
      </button>
      <button type="button" disabled={!canStart} onClick={() => void advance('update')}>
        One update
      </button>
      <button type="button" disabled={!canStart} onClick={() => void advance('epoch')}>
        One epoch
      </button>
      <button type="button" disabled={!isReady} onClick={() => void reset()}>
        Reset
      </button>
      <label class="inline">
        Speed{' '}
        <select value={String(speed.value)} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((value) => (
            <option key={value} value={String(value)}>
              {Number.isFinite(value) ? `${value} updates per second` : 'maximum'}
            </option>
          ))}
        </select>
      </label>
    </fieldset>
  );
}
