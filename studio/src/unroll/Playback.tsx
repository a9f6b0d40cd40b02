/** Controls of the walk: play, single stages, and a slider over all stages. */
import { BACKWARD, FORWARD, type Prediction, STAGES, tagOf } from './stages.js';
import { SPEEDS, type Speed, type Walk } from './useWalk.js';

export function Playback({ walk, prediction }: { walk: Walk; prediction: Prediction }) {
  const { t, id, index, last, playing, speed, goTo } = walk;
  return (
    <fieldset class="controls playback" aria-label="Playback">
      <button type="button" class="main" onClick={() => walk.setPlaying(!playing)}>
        {playing ? 'Pause' : 'Play'}
      </button>
      <button type="button" onClick={() => goTo(index - 1)} disabled={index === 0} aria-label="Previous stage">
        ←
      </button>
      <button type="button" onClick={() => goTo(index + 1)} disabled={index === last} aria-label="Next stage">
        →
      </button>
      {[FORWARD, BACKWARD].map((direction) => (
        <span key={direction[0]} class="stage-buttons">
          {direction.map((each) => (
            <button
              key={each}
              type="button"
              class="stage-button"
              aria-pressed={id === each}
              title={STAGES[prediction][each].title}
              onClick={() => walk.setStage(each)}
            >
              {tagOf(each, prediction)}
            </button>
          ))}
        </span>
      ))}
      <label class="inline">
        Speed{' '}
        <select value={speed} onChange={(event) => walk.setSpeed(event.currentTarget.value as Speed)}>
          {Object.keys(SPEEDS).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <input
        type="range"
        class="scrub"
        min={0}
        max={last}
        value={index}
        aria-label="All stages: all time steps forward, then all time steps backward"
        aria-valuetext={`step ${t}, ${tagOf(id, prediction)}: ${STAGES[prediction][id].title}`}
        onInput={(event) => goTo(event.currentTarget.valueAsNumber)}
      />
    </fieldset>
  );
}
