/** A stage's equations, in symbols and with the numbers of the selected unit. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Gate, LstmTrace, Trace } from 'unspool/inspect';
import { Tex } from '../ui/Tex.js';
import { cellAt, terms } from './cell.js';
import { numericEquations } from './equations.js';
import { STAGES, type StageId } from './stages.js';

/** Typesetting takes longer than a frame, so the equations are updated only after a pause of this length. */
const DELAY_MS = 60;

interface StageEquationsProps {
  readonly trace: Trace;
  readonly layer: LstmTrace;
  readonly t: number;
  readonly unit: number;
  readonly id: StageId;
}

function linesOf({ trace, layer, t, unit, id }: StageEquationsProps): string[] {
  const of = (gate: Gate) => terms(trace, layer, t, unit, gate);
  return numericEquations(id, cellAt(layer, t, unit), { i: of('i'), f: of('f'), g: of('g'), o: of('o') });
}

export function StageEquations({ trace, layer, t, unit, id }: StageEquationsProps) {
  const [shown, setShown] = useState<StageEquationsProps>({ trace, layer, t, unit, id });
  useEffect(() => {
    const timer = setTimeout(() => setShown({ trace, layer, t, unit, id }), DELAY_MS);
    return () => clearTimeout(timer);
  }, [trace, layer, t, unit, id]);
  const lines = useMemo(() => linesOf(shown), [shown]);
  const isStale =
    shown.t !== t || shown.id !== id || shown.unit !== unit || shown.trace !== trace || shown.layer !== layer;
  return (
    <div class={isStale ? 'stale' : ''}>
      {STAGES[shown.id].equations.map((equation) => (
        <p key={equation} class="equation">
          <Tex>{equation}</Tex>
        </p>
      ))}
      <div class="numeric" data-testid="numbers">
        {lines.map((line, i) => (
          <p key={i} class="equation">
            <Tex>{line}</Tex>
          </p>
        ))}
      </div>
    </div>
  );
}
