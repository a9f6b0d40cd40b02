/** One unit through time: F1 to F4, the output layer and the loss forward over all steps, then back to B4 to B1, with equations and numbers. */
import { useEffect, useMemo } from 'preact/hooks';
import type { LstmTrace, Trace } from 'unspool/inspect';
import { refreshTrace } from '../actions.js';
import { layer, session, time, traced, tracedLayer, unit } from '../state.js';
import { Heatmap } from '../ui/Heatmap.js';
import { PositionControls } from '../ui/PositionControls.js';
import { Tokens } from '../ui/Tokens.js';
import { cellAt } from './cell.js';
import { Diagram } from './Diagram.js';
import { Edit } from './Edit.js';
import { notesOf } from './notes.js';
import { OutputPanel } from './OutputPanel.js';
import { type Output, outputAt } from './output.js';
import { Playback } from './Playback.js';
import { StageEquations } from './StageEquations.js';
import { isOutput, type Prediction, STAGES, tagOf } from './stages.js';
import { useWalk, type Walk } from './useWalk.js';
import { WeightSource } from './WeightSource.js';
import './unroll.css';

interface LayerProps {
  readonly lstm: LstmTrace;
  readonly walk: Walk;
}

const StateMap = ({ lstm, walk: { t, backward } }: LayerProps) => (
  <Heatmap
    title={backward ? 'dL/dc over time, all units' : 'c over time, all units'}
    grid={backward ? lstm.grad.c : lstm.c}
    kind="sign"
    time={t}
    unit={unit.value}
    height={Math.min(160, Math.max(70, lstm.hiddenSize * 5))}
    onSelect={(toTime, toUnit) => {
      time.value = toTime;
      unit.value = toUnit;
    }}
  />
);

interface StageTextProps extends LayerProps {
  readonly trace: Trace;
  readonly output: Output | null;
  readonly prediction: Prediction;
}

const StageText = ({ trace, lstm, output, prediction, walk: { t, id, backward } }: StageTextProps) => (
  <section class={`description ${backward ? 'back' : ''}`} aria-live="polite">
    <p class="position-text">
      step {t} · {backward ? 'backward' : 'forward'} · <b>{tagOf(id, prediction)}</b>
    </p>
    <h2>{STAGES[prediction][id].title}</h2>
    <p>{STAGES[prediction][id].description}</p>
    <StageEquations trace={trace} layer={lstm} t={t} unit={unit.value} id={id} output={output} />
    {notesOf(lstm.variant).map((note) => (
      <p key={note} class="hint">
        {note}
      </p>
    ))}
  </section>
);

export default function Unroll() {
  const walk = useWalk();
  const lstm = tracedLayer.value;
  const trace = traced.value?.trace;
  const { t, id, backward } = walk;
  useEffect(() => {
    if (!traced.peek()) void refreshTrace();
  }, []);
  const cell = useMemo(() => (lstm ? cellAt(lstm, t, unit.value) : null), [lstm, t, unit.value]);
  const names = session.value?.outputNames;
  const output = useMemo(
    () => (trace && lstm ? outputAt(trace, lstm, t, unit.value, names ?? []) : null),
    [trace, lstm, t, unit.value, names],
  );
  const prediction = output?.prediction ?? 'number';
  if (!trace || !lstm || !cell) return <p class="waiting">Running the model…</p>;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys work wherever the focus is in this view
    <div class="unroll" onKeyDown={walk.onKeyDown}>
      <p class="hint">
        One unit at one time step: on its way forward from the input to the loss, and back with the gradient. Press
        Play, or use the arrow keys. Below are the inputs, and the cell states of all units: click one to go there.
      </p>
      <PositionControls />
      <Tokens />
      <StateMap lstm={lstm} walk={walk} />
      <Playback walk={walk} prediction={prediction} />
      <div class="stage-columns">
        <Diagram cell={cell} highlighted={STAGES[prediction][id].wires} backward={backward} />
        <StageText trace={trace} lstm={lstm} output={output} prediction={prediction} walk={walk} />
      </div>
      {output && <OutputPanel output={output} targetLabel={traced.value!.targetLabels[t] ?? ''} lit={isOutput(id)} />}
      <WeightSource key={layer.value} from={backward ? t : null} />
      <Edit />
    </div>
  );
}
