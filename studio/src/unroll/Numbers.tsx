/** The moment's equation, and the same with a unit's numbers in it. Typesetting takes longer than a frame: while one scrubs, it waits. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Gate, LstmTrace, Trace } from 'unspool/inspect';
import { Tex } from '../ui/Tex.js';
import { MOMENTS, type MomentId, numbersOf } from './moments.js';
import { cellAt, terms } from './numbers.js';

const SETTLED = 60; // ms without a change

interface Shown {
  readonly trace: Trace;
  readonly layer: LstmTrace;
  readonly t: number;
  readonly unit: number;
  readonly id: MomentId;
}

export function Numbers({ trace, layer, t, unit, id }: Shown) {
  const [shown, setShown] = useState<Shown>({ trace, layer, t, unit, id });
  useEffect(() => {
    const timer = setTimeout(() => setShown({ trace, layer, t, unit, id }), SETTLED);
    return () => clearTimeout(timer);
  }, [trace, layer, t, unit, id]);
  const lines = useMemo(() => {
    const of = (gate: Gate) => terms(shown.trace, shown.layer, shown.t, shown.unit, gate);
    return numbersOf(shown.id, cellAt(shown.layer, shown.t, shown.unit), {
      i: of('i'),
      f: of('f'),
      g: of('g'),
      o: of('o'),
    });
  }, [shown]);
  const stale =
    shown.t !== t || shown.id !== id || shown.unit !== unit || shown.trace !== trace || shown.layer !== layer;
  return (
    <div class={stale ? 'stale' : ''}>
      {MOMENTS[shown.id].symbols.map((line) => (
        <p key={line} class="equation">
          <Tex>{line}</Tex>
        </p>
      ))}
      <div class="with-numbers" data-testid="numbers">
        {lines.map((line, i) => (
          <p key={i} class="equation">
            <Tex>{line}</Tex>
          </p>
        ))}
      </div>
    </div>
  );
}
