/** Which sequence, layer, time step and unit one looks at: the same in every room. */
import type { Signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { isDark, type LstmTrace, type Trace } from 'unspool/inspect';
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

/** What one looks at within a sequence, and the last of each. */
const PLACES: readonly { label: string; of: Signal<number>; most(trace: Trace, layer: LstmTrace): number }[] = [
  { label: 'Layer', of: layer, most: ({ layers }) => layers.length - 1 },
  { label: 'Step', of: time, most: ({ steps }) => steps - 1 },
  { label: 'Unit', of: unit, most: (_, { hiddenSize }) => hiddenSize - 1 },
];

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
      {PLACES.map(({ label, of, most }) => {
        const last = most(trace, shown);
        if (label === 'Layer' && last === 0) return null;
        return (
          <Stepper
            key={label}
            label={label}
            value={of.value}
            most={last}
            choose={(value) => {
              of.value = value;
            }}
          />
        );
      })}
      <span class="hint">
        loss of this sequence <b data-testid="sequence-loss">{trace.loss.toPrecision(4)}</b>
      </span>
    </div>
  );
}

/** A ground, and letters that can be read on it. */
function paint(ground: string | undefined): { background?: string; color?: string } {
  if (ground === undefined) return {};
  const [red, green, blue] = (ground.match(/^rgb\((\d+) (\d+) (\d+)\)$/) ?? []).slice(1).map(Number);
  if (blue === undefined) return { background: ground };
  return { background: ground, color: isDark([red!, green!, blue]) ? '#fff' : '#000' };
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
