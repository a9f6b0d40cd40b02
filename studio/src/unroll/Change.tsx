/** Change something and see forward and backward follow: a weight, a gate that is held, an input. */
import { useEffect, useId, useState } from 'preact/hooks';
import { GATES, type Gate } from 'unspool/inspect';
import type { Difference } from '../engine/api.js';
import { change, changes, difference, layer, look, setWeight, shownLayer, time, unit } from '../state.js';
import { short } from './moments.js';
import { weight, weightNow } from './weight.js';

/** Runs the last of what was asked for while the one before it ran. */
function useLatest<T>(act: (value: T) => Promise<unknown>): (value: T) => void {
  const [queue] = useState<{ running: boolean; next: { value: T } | null }>({ running: false, next: null });
  return (value) => {
    queue.next = { value };
    if (queue.running) return;
    queue.running = true;
    void (async () => {
      while (queue.next) {
        const { value: now } = queue.next;
        queue.next = null;
        await act(now);
      }
      queue.running = false;
    })();
  };
}

function WeightChange() {
  const id = useId();
  const at = weight.value;
  const now = weightNow.value;
  const key = at ? `${at.name}/${at.row}/${at.col}` : '';
  const [first, setFirst] = useState<number | null>(null);
  const [checked, setChecked] = useState<Difference | null>(null);
  useEffect(() => {
    setFirst(null);
    setChecked(null);
  }, [key]);
  const move = useLatest((value: number) => setWeight(at!, value));
  if (!at || !now) return null;
  const drag = (value: number): void => {
    if (first === null) setFirst(now.value);
    setChecked(null);
    move(value);
  };
  return (
    <div class="change">
      <h3>
        <label for={id}>
          The weight above, {at.label}: <b data-testid="weight-value">{short(now.value)}</b>
        </label>
      </h3>
      <input
        id={id}
        type="range"
        min={-4}
        max={4}
        step={0.01}
        value={now.value}
        onInput={(event) => drag(event.currentTarget.valueAsNumber)}
      />
      <div class="controls">
        {first !== null && (
          <button type="button" onClick={() => drag(first)}>
            Back to {short(first)}
          </button>
        )}
        <button type="button" onClick={async () => setChecked(await difference(at))}>
          Check its gradient by a finite difference
        </button>
      </div>
      {checked && (
        <p class="hint" data-testid="difference" data-difference={checked.difference} data-gradient={checked.gradient}>
          (L(w + ε) − L(w − ε)) / 2ε with ε = {short(checked.step)}, in float64:{' '}
          <b>{checked.difference.toPrecision(8)}</b>. By BPTT: <b>{checked.gradient.toPrecision(8)}</b>.
        </p>
      )}
    </div>
  );
}

function GateChange() {
  const [gateId, valueId] = [useId(), useId()];
  const [gate, setGate] = useState<Gate>('f');
  const { clamps } = changes.value;
  const isThis = (one: (typeof clamps)[number]): boolean =>
    one.layer === layer.value && one.gate === gate && one.unit === unit.value;
  const held = clamps.find(isThis);
  const { data, cols } = shownLayer.value!.gates[gate];
  const now = data[time.value * cols + unit.value]!;
  const others = clamps.filter((one) => !isThis(one));
  const hold = useLatest((value: number) =>
    change({ clamps: [...others, { layer: layer.value, gate, unit: unit.value, value }] }),
  );
  return (
    <div class="change">
      <h3>
        <label for={valueId}>
          Hold a gate of unit {unit.value} at all steps: {gate} <b data-testid="gate-value">{short(now)}</b>
        </label>
      </h3>
      <div class="controls">
        <label class="inline" for={gateId}>
          Gate
        </label>
        <select id={gateId} value={gate} onChange={(event) => setGate(event.currentTarget.value as Gate)}>
          {GATES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <input
          id={valueId}
          type="range"
          min={gate === 'g' ? -1 : 0}
          max={1}
          step={0.01}
          value={held?.value ?? now}
          onInput={(event) => hold(event.currentTarget.valueAsNumber)}
        />
        <button type="button" disabled={!held} onClick={() => void change({ clamps: others })}>
          Let it go
        </button>
      </div>
      {clamps.length > 0 && (
        <p class="hint">
          Held: {clamps.map((one) => `${one.gate} of unit ${one.unit} at ${short(one.value)}`).join(', ')}. No gradient
          goes through a gate that is held.
        </p>
      )}
    </div>
  );
}

function InputChange() {
  const id = useId();
  const { alphabet, trace, read } = look.value!;
  const t = time.value;
  const { inputs } = changes.value;
  const others = inputs.filter((one) => one.t !== t);
  const edit = useLatest((values: readonly number[]) => change({ inputs: [...others, { t, values }] }));
  const { input } = trace;
  return (
    <div class="change">
      <h3>
        The input of step {t}: <b>{read[t]}</b>
      </h3>
      <div class="controls">
        {input.kind === 'tokens' && alphabet ? (
          <>
            <label class="inline" for={id}>
              Another character
            </label>
            <select id={id} value={input.ids[t]} onChange={(event) => edit([Number(event.currentTarget.value)])}>
              {alphabet.map((word, token) => (
                <option key={word} value={token}>
                  {word}
                </option>
              ))}
            </select>
          </>
        ) : (
          input.kind === 'values' &&
          Array.from(
            input.x.data.subarray(t * input.x.cols, (t + 1) * input.x.cols),
            (value, k, row = input.x.data.subarray(t * input.x.cols, (t + 1) * input.x.cols)) => (
              <label class="inline" key={k}>
                x[{k}]
                <input
                  type="number"
                  step="any"
                  value={Number(value.toPrecision(4))}
                  onChange={(event) => {
                    const number = event.currentTarget.valueAsNumber;
                    if (Number.isFinite(number)) edit(Array.from(row, (old, at) => (at === k ? number : old)));
                  }}
                />
              </label>
            ),
          )
        )}
        <button type="button" disabled={inputs.length === 0} onClick={() => void change({ inputs: [] })}>
          As it was
        </button>
      </div>
    </div>
  );
}

export function Change() {
  const { trace, lossBefore } = look.value!;
  return (
    <section aria-label="Change">
      <h2>Change it</h2>
      <p class="hint">
        Everything above follows at once.{' '}
        {lossBefore === null ? 'Loss' : `Loss ${lossBefore.toPrecision(4)} before, now`}{' '}
        <b data-testid="changed-loss">{trace.loss.toPrecision(4)}</b>.
      </p>
      <div class="changes">
        <WeightChange />
        <GateChange />
        <InputChange />
      </div>
    </section>
  );
}
