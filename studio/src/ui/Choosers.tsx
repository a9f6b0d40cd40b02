/** Which sequence, layer, time step and unit one looks at: the same in every room. */
import { useId } from 'preact/hooks';
import { facts, layer, look, sequenceIndex, shownLayer, showSequence, time, unit } from '../state.js';

function Stepper({
  label,
  value,
  most,
  choose,
}: {
  label: string;
  value: number;
  most: number;
  choose: (value: number) => void;
}) {
  const id = useId();
  return (
    <span class="inline">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={0}
        max={most}
        value={value}
        onInput={(event) => {
          const wanted = event.currentTarget.valueAsNumber;
          if (Number.isInteger(wanted) && wanted >= 0 && wanted <= most) choose(wanted);
        }}
      />
    </span>
  );
}

export function Choosers() {
  const trace = look.value?.trace;
  const shown = shownLayer.value;
  if (!trace || !shown) return null;
  return (
    <div class="controls choosers">
      <Stepper
        label="Sequence"
        value={sequenceIndex.value}
        most={facts.value!.sequences - 1}
        choose={(value) => void showSequence(value)}
      />
      {trace.layers.length > 1 && (
        <Stepper
          label="Layer"
          value={layer.value}
          most={trace.layers.length - 1}
          choose={(value) => {
            layer.value = value;
          }}
        />
      )}
      <Stepper
        label="Step"
        value={time.value}
        most={trace.steps - 1}
        choose={(value) => {
          time.value = value;
        }}
      />
      <Stepper
        label="Unit"
        value={unit.value}
        most={shown.hiddenSize - 1}
        choose={(value) => {
          unit.value = value;
        }}
      />
      <span class="hint">
        loss of this sequence <b data-testid="sequence-loss">{trace.loss.toPrecision(4)}</b>
      </span>
    </div>
  );
}

/** A ground, and letters that can be read on it. */
function paint(ground: string | undefined): { background?: string; color?: string } {
  if (ground === undefined) return {};
  const [r, g, b] = (ground.match(/^rgb\((\d+) (\d+) (\d+)\)$/) ?? []).slice(1).map((v) => (Number(v) / 255) ** 2.2);
  if (b === undefined) return { background: ground };
  const luminance = 0.2126 * r! + 0.7152 * g! + 0.0722 * b;
  return { background: ground, color: luminance > 0.18 ? '#000' : '#fff' };
}

/** What is read, step by step; a click goes there. `shade`: a background for each step, or none. */
export function Tokens({
  shade,
  onChoose,
}: {
  shade?: (t: number) => string | undefined;
  onChoose?: (t: number) => void;
}) {
  const shown = look.value;
  if (!shown) return null;
  return (
    <ol class="tokens" aria-label="Steps">
      {shown.read.map((word, t) => (
        <li key={`${t}-${word}`}>
          <button
            type="button"
            aria-pressed={time.value === t}
            style={paint(shade?.(t))}
            title={shown.wanted[t] ? `step ${t}: reads ${word}, wanted ${shown.wanted[t]}` : `step ${t}: reads ${word}`}
            onClick={() => {
              time.value = t;
              onChoose?.(t);
            }}
          >
            {word}
          </button>
        </li>
      ))}
    </ol>
  );
}
