/** A stage's equations, in symbols and with the numbers of the selected unit. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Gate, LstmTrace, Trace } from 'unspool/inspect';
import { Tex } from '../ui/Tex.js';
import { cellAt, terms } from './cell.js';
import { numericEquations } from './equations.js';
import type { Output } from './output.js';
import { STAGES, type StageId } from './stages.js';

/**
 * Typesetting takes longer than a frame. While the numbers change faster than this, as when the user scrubs, they are hidden: they
 * must never be older than the diagram next to them.
 */
const CALM_MS = 100;

interface StageEquationsProps {
  readonly trace: Trace;
  readonly layer: LstmTrace;
  readonly t: number;
  readonly unit: number;
  readonly id: StageId;
  /** The output layer and the loss at step `t`; null if the view does not explain them. */
  readonly output: Output | null;
}

function linesOf({ trace, layer, t, unit, id, output }: StageEquationsProps): string[] {
  const of = (gate: Gate) => terms(trace, layer, t, unit, gate);
  const all = { i: of('i'), f: of('f'), g: of('g'), o: of('o') };
  return numericEquations(id, { cell: cellAt(layer, t, unit), terms: all, output });
}

const isSame = (a: StageEquationsProps, b: StageEquationsProps): boolean =>
  a.trace === b.trace &&
  a.layer === b.layer &&
  a.t === b.t &&
  a.unit === b.unit &&
  a.id === b.id &&
  a.output === b.output;

/** The props whose numbers are typeset: the current ones, except while they change fast. */
function useCalm(current: StageEquationsProps): StageEquationsProps {
  const last = useRef({ current, shown: current, changedAt: Number.NEGATIVE_INFINITY });
  const [, redraw] = useState(0);
  if (!isSame(last.current.current, current)) {
    const now = performance.now();
    const isCalm = now - last.current.changedAt > CALM_MS;
    last.current = { current, shown: isCalm ? current : last.current.shown, changedAt: now };
  }
  useEffect(() => {
    if (last.current.shown === last.current.current) return;
    const timer = setTimeout(() => {
      last.current.shown = last.current.current;
      redraw((count) => count + 1);
    }, CALM_MS);
    return () => clearTimeout(timer);
  });
  return last.current.shown;
}

export function StageEquations(props: StageEquationsProps) {
  const shown = useCalm(props);
  const lines = useMemo(() => linesOf(shown), [shown]);
  return (
    <>
      {STAGES[props.output?.prediction ?? 'number'][props.id].equations.map((equation) => (
        <p key={equation} class="equation">
          <Tex>{equation}</Tex>
        </p>
      ))}
      <div class={`numeric ${isSame(shown, props) ? '' : 'outdated'}`} data-testid="numbers">
        {lines.map((line, i) => (
          <p key={i} class="equation">
            <Tex>{line}</Tex>
          </p>
        ))}
      </div>
    </>
  );
}
