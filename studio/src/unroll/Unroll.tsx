/** One unit through time: forwards by F1 to F4 over all steps, then back by B4 to B1; each moment with its equation and numbers. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Grid } from 'unspool/inspect';
import { layer, look, refresh, shownLayer, time, unit } from '../state.js';
import { Choosers, Tokens } from '../ui/Choosers.js';
import { Heatmap } from '../ui/Heatmap.js';
import { Change } from './Change.js';
import { Diagram } from './Diagram.js';
import { BACKWARD, FORWARD, indexOf, MOMENTS, type MomentId, placeAt, walkLength } from './moments.js';
import { Numbers } from './Numbers.js';
import { cellAt } from './numbers.js';
import { WeightSource } from './WeightSource.js';
import './unroll.css';

const PACES = { slow: 1200, steady: 450, quick: 90 } as const;

const NOTES: readonly [test: (variant: NonNullable<typeof shownLayer.value>['variant']) => boolean, says: string][] = [
  [(form) => form.gates === 'coupled', 'This cell’s forget gate is 1 − i; its share of the gradient is in that of i.'],
  [(form) => form.gates !== 'all' && form.gates !== 'coupled', 'A gate of this cell is left out: it is 1 throughout.'],
  [(form) => form.peepholes, 'This cell’s gates also see the cell state (peepholes): “other” in the sums.'],
  [
    (form) => form.layerNorm,
    'This cell normalizes its sums and its cell state: the equations shown are those of the cell without.',
  ],
  [
    (form) => form.projected,
    'h is projected: what is shown as h is the cell’s output before that, and its gradient comes from the projection.',
  ],
];

export default function Unroll() {
  const shown = look.value;
  const lstm = shownLayer.value;
  const [id, setId] = useState<MomentId>('F1');
  const [playing, setPlaying] = useState(false);
  const [pace, setPace] = useState<keyof typeof PACES>('steady');
  useEffect(() => {
    if (!look.peek()) void refresh();
  }, []);
  const steps = shown?.trace.steps ?? 1;
  const reverse = lstm?.reverse ?? false;
  const t = Math.min(time.value, steps - 1);
  const index = indexOf({ t, id }, steps, reverse);
  const last = walkLength(steps) - 1;
  const go = (to: number): void => {
    const place = placeAt(Math.max(0, Math.min(last, to)), steps, reverse);
    setId(place.id);
    time.value = place.t;
  };
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => (index >= last ? setPlaying(false) : go(index + 1)), PACES[pace]);
    return () => clearTimeout(timer);
  });
  const j = unit.value;
  const cell = useMemo(() => (lstm && shown ? cellAt(lstm, t, j) : null), [lstm, shown, t, j]);
  if (!shown || !lstm || !cell) return <p class="waiting">A pass is being made…</p>;
  const back = (BACKWARD as readonly string[]).includes(id);
  const moment = MOMENTS[id];
  const keys = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement && event.target.type !== 'range') return;
    if (event.target instanceof HTMLSelectElement || event.target instanceof HTMLTextAreaElement) return;
    const to = {
      ArrowRight: index + 1,
      ArrowLeft: index - 1,
      Home: 0,
      End: last,
      PageDown: index + 4,
      PageUp: index - 4,
    }[event.key];
    if (to !== undefined) go(to);
    else if (event.key === ' ' && !(event.target instanceof HTMLButtonElement)) setPlaying(!playing);
    else return;
    event.preventDefault();
  };
  const shownGrid: Grid = back ? lstm.grad.c : lstm.c;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys of the walk, wherever the focus is in this room
    <div class="unroll" onKeyDown={keys}>
      <Choosers />
      <Tokens />
      <Heatmap
        title={back ? 'dL/dc over time, all units' : 'c over time, all units'}
        grid={shownGrid}
        kind="sign"
        time={t}
        unit={j}
        height={Math.min(160, Math.max(70, lstm.hiddenSize * 5))}
        choose={(toTime, toUnit) => {
          time.value = toTime;
          unit.value = toUnit;
        }}
      />
      <fieldset class="controls walk" aria-label="Walk">
        <button type="button" class="main" onClick={() => setPlaying(!playing)}>
          {playing ? 'Pause' : 'Play'}
        </button>
        <button type="button" onClick={() => go(index - 1)} disabled={index === 0} aria-label="One moment back">
          ←
        </button>
        <button type="button" onClick={() => go(index + 1)} disabled={index === last} aria-label="One moment on">
          →
        </button>
        {[...FORWARD, ...BACKWARD].map((each) => (
          <button key={each} type="button" class="moment" aria-pressed={id === each} onClick={() => setId(each)}>
            {each}
          </button>
        ))}
        <label class="inline">
          Pace{' '}
          <select value={pace} onChange={(event) => setPace(event.currentTarget.value as keyof typeof PACES)}>
            {Object.keys(PACES).map((name) => (
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
          aria-label="The whole walk: all steps forwards, then all steps back"
          aria-valuetext={`step ${t}, ${id}: ${moment.title}`}
          onInput={(event) => go(event.currentTarget.valueAsNumber)}
        />
      </fieldset>
      <div class="moment-room">
        <Diagram cell={cell} lit={moment.lit} back={back} />
        <section class={`says ${back ? 'back' : ''}`} aria-live="polite">
          <p class="where">
            step {t} · {back ? 'backwards' : 'forwards'} · <b>{id}</b>
          </p>
          <h2>{moment.title}</h2>
          <p>{moment.says}</p>
          <Numbers trace={shown.trace} layer={lstm} t={t} unit={j} id={id} />
          {NOTES.filter(([test]) => test(lstm.variant)).map(([, says]) => (
            <p key={says} class="hint">
              {says}
            </p>
          ))}
        </section>
      </div>
      <WeightSource key={`${layer.value}`} reached={back ? t : null} />
      <Change />
    </div>
  );
}
