/** Controls of the walk: play, single stages, and a slider over all stages. */
import { BACKWARD, FORWARD, STAGES } from './stages.js';
import { SPEEDS, type Speed, type Walk } from './useWalk.js';

export function Playback({ walk }: { walk: Walk }) {
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
      {[...FORWARD, ...BACKWARD].map((each) => (
        <button
          key={each}
          type="button"
          class="stage-button"
          aria-pressed={id === each}
          onClick={() => walk.setStage(each)}
        >
          {each}
        </button>
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
        aria-valuetext={`step ${t}, ${id}: ${STAGES[id].title}`}
        onInput={(event) => goTo(event.currentTarget.valueAsNumber)}
      />
    </fieldset>
  );
}
