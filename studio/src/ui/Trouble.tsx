/** What went wrong, in words, with a way on. */
import { engineIsGone, problem, restart } from '../state.js';

export function Trouble() {
  if (!problem.value) return null;
  return (
    <div class="trouble" role="alert">
      <p>{problem.value}</p>
      {engineIsGone.value ? (
        <button type="button" onClick={() => void restart()}>
          Start again
        </button>
      ) : (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            problem.value = null;
          }}
        >
          Close
        </button>
      )}
    </div>
  );
}
