/** The inputs of the sequence, as buttons that select a time step. */
import { isDark } from 'unspool/inspect';
import { time, traced } from '../state.js';

/** The background, and a text color that is readable on it. */
function colorsOn(background: string | undefined): { background?: string; color?: string } {
  if (background === undefined) return {};
  const [red, green, blue] = (background.match(/^rgb\((\d+) (\d+) (\d+)\)$/) ?? []).slice(1).map(Number);
  if (blue === undefined) return { background };
  return { background, color: isDark([red!, green!, blue]) ? '#fff' : '#000' };
}

/** `background` gives each time step's color; undefined for none. */
export function Tokens({ background }: { background?: (t: number) => string | undefined }) {
  if (!traced.value) return null;
  const { inputLabels, targetLabels } = traced.value;
  return (
    <ol class="tokens" aria-label="Time steps">
      {inputLabels.map((label, t) => (
        <li key={`${t}-${label}`}>
          <button
            type="button"
            aria-pressed={time.value === t}
            style={colorsOn(background?.(t))}
            title={`step ${t}: input ${label}${targetLabels[t] ? `, target ${targetLabels[t]}` : ''}`}
            onClick={() => {
              time.value = t;
            }}
          >
            {label}
          </button>
        </li>
      ))}
    </ol>
  );
}
