/** The page's error message, with a button to close it or to restart the engine. */
import { restart } from '../actions.js';
import { engineLost, problem } from '../state.js';

export function ErrorBanner() {
  if (!problem.value) return null;
  return (
    <div class="error-banner" role="alert">
      <p>{problem.value}</p>
      {engineLost.value ? (
        <button type="button" onClick={() => void restart()}>
          Restart
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
