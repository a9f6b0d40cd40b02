/** A small live figure for each chapter, of the model that is set up and the sequence that is shown. */
import * as Plot from '@observablehq/plot';
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { gradientFlow } from 'unspool/inspect';
import type { Sweep } from '../engine/api.js';
import {
  advance,
  facts,
  look,
  losses,
  playing,
  sample,
  save,
  settings,
  shownLayer,
  step,
  streamed,
  sweep,
  time,
  unit,
  validation,
} from '../state.js';
import { GATE_COLORS, SERIES } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';

type Marks = NonNullable<Plot.PlotOptions['marks']>;
type Points = readonly (readonly [number, number])[];

const line = (points: Points, stroke: string, dash = ''): Marks[number] =>
  Plot.line(points as [number, number][], { stroke, strokeWidth: 2, strokeDasharray: dash });
const byStep = (values: ArrayLike<number>): Points => Array.from(values, (v, t) => [t, v] as const);
const column = (grid: { rows: number; cols: number; data: ArrayLike<number> }, j: number): number[] =>
  Array.from({ length: grid.rows }, (_, t) => grid.data[t * grid.cols + j]!);

const Key = ({ of }: { of: readonly (readonly [name: string, color: string])[] }) => (
  <p class="key">
    {of.map(([name, color]) => (
      <span key={name}>
        <i style={{ background: color }} /> {name}
      </span>
    ))}
  </p>
);

/** Says its number where a test and a reader find it. */
const Told = ({ says, value }: { says: string; value: number }) => (
  <p class="hint">
    {says}{' '}
    <b data-testid="told" data-value={value}>
      {Number(value.toPrecision(5)).toLocaleString('en')}
    </b>
  </p>
);

function Prepared() {
  const { read, wanted, trace } = look.value!;
  const { batch } = settings.value;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, and the keyboard should be able to */}
      <div class="wide" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">step</th>
              {read.slice(0, 14).map((_, t) => (
                <th key={String(t)} scope="col">
                  {t}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">reads</th>
              {read.slice(0, 14).map((word, t) => (
                <td key={`${t}${word}`}>{word}</td>
              ))}
            </tr>
            {trace.input.kind === 'tokens' && (
              <tr>
                <th scope="row">as a number</th>
                {Array.from(trace.input.ids.slice(0, 14), (id, t) => (
                  <td key={`${t}-${id}`}>{id}</td>
                ))}
              </tr>
            )}
            <tr>
              <th scope="row">is to say</th>
              {wanted.slice(0, 14).map((word, t) => (
                <td key={`${t}${word}`}>{word || '–'}</td>
              ))}
            </tr>
          </tbody>
        </table>
      </div>
      <Told
        says={`A batch is ${settings.value.steps} steps of ${batch} sequences; an epoch has so many batches:`}
        value={facts.value!.batchesPerEpoch}
      />
    </>
  );
}

function Architecture() {
  const lstm = shownLayer.value!;
  const [units, setUnits] = useState(lstm.hiddenSize);
  const D = lstm.inputSize;
  const count = (H: number): number => 4 * H * (D + H + 1);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'units H' },
      y: { label: 'parameters', grid: true },
      marks: [
        line(
          Array.from({ length: 64 }, (_, i) => [4 * (i + 1), count(4 * (i + 1))] as const),
          SERIES[0],
        ),
        Plot.dot([[units, count(units)]], { fill: SERIES[1], r: 5 }),
      ],
    }),
    [units, D],
  );
  return (
    <>
      <label class="inline">
        Units{' '}
        <input
          type="range"
          min={1}
          max={256}
          value={units}
          onInput={(event) => setUnits(event.currentTarget.valueAsNumber)}
        />{' '}
        {units}
      </label>
      <Figure
        title={`Parameters of an LSTM over ${D} inputs`}
        label={`It grows with the square of the units: ${count(units)} for ${units}.`}
        options={options}
        height={200}
      />
      <Told says={`With ${units} units, one bias a row:`} value={count(units)} />
    </>
  );
}

function Started() {
  const { trace } = look.value!;
  const [name, setName] = useState(Object.keys(trace.parameters).find((one) => one.includes('weight_hh'))!);
  const data = trace.parameters[name]?.data;
  const values = useMemo(() => Array.from(data ?? [0]), [data]);
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'weight' },
      y: { label: 'how many', grid: true },
      marks: [
        Plot.rectY(values, {
          ...Plot.binX({ y: 'count' }, { x: (v: number) => v, thresholds: 40 } as Plot.BinXInputs<Plot.RectYOptions>),
          fill: SERIES[0],
        }),
        Plot.ruleY([0]),
      ],
    }),
    [values],
  );
  return (
    <>
      <label class="inline">
        Parameter{' '}
        <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
          {Object.keys(trace.parameters).map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <Figure
        title={`Weights of ${name} after ${step.value} updates`}
        label={`A histogram; the root of their mean square is ${deviation.toPrecision(3)}.`}
        options={options}
        height={200}
      />
      <Told says="Root of the mean square:" value={deviation} />
    </>
  );
}

function Forward() {
  const layer = shownLayer.value!;
  const j = unit.value;
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'step' },
      y: { label: 'value', grid: true },
      marks: [
        line(byStep(column(layer.gates.i, j)), GATE_COLORS.i),
        line(byStep(column(layer.gates.f, j)), GATE_COLORS.f),
        line(byStep(column(layer.gates.o, j)), GATE_COLORS.o),
        line(byStep(column(layer.c, j)), 'currentColor'),
        line(byStep(column(layer.h, j)), 'currentColor', '4 3'),
        Plot.ruleX([time.value], { strokeOpacity: 0.3 }),
      ],
    }),
    [layer, j, time.value],
  );
  return (
    <>
      <label class="inline">
        Unit{' '}
        <input
          type="range"
          min={0}
          max={layer.hiddenSize - 1}
          value={j}
          onInput={(event) => (unit.value = event.currentTarget.valueAsNumber)}
        />{' '}
        {j}
      </label>
      <Figure
        title={`Unit ${j} over time`}
        label="Its gates, its cell state and its output, step by step."
        options={options}
        height={240}
      >
        <Key
          of={[
            ['i', GATE_COLORS.i],
            ['f', GATE_COLORS.f],
            ['o', GATE_COLORS.o],
            ['c (line), h (dashes)', 'currentColor'],
          ]}
        />
      </Figure>
      <Told says="Its cell state after the last step:" value={column(layer.c, j).at(-1)!} />
    </>
  );
}

function Loss() {
  const { trace, wanted } = look.value!;
  const parts = Array.from(trace.lossByStep ?? []);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'step', tickFormat: (t: number) => (t % 5 === 0 ? String(t) : '') },
      y: { label: 'loss', grid: true },
      marks: [
        Plot.barY(parts, {
          x: (_: number, t: number) => t,
          y: (v: number, t: number) => (wanted[t] ? v : 0),
          fill: SERIES[1],
        }),
        Plot.ruleY([trace.loss], { strokeDasharray: '4 3' }),
        Plot.ruleY([0]),
      ],
    }),
    [trace, wanted],
  );
  return (
    <>
      <Figure
        title="Loss by step; dashed: their mean"
        label={`The mean is ${trace.loss.toPrecision(4)}.`}
        options={options}
        height={220}
      />
      <Told says="Loss of this sequence:" value={trace.loss} />
    </>
  );
}

function Backward() {
  const layer = shownLayer.value!;
  const { c: whole, cFromNext: along, cFromH: through } = useMemo(() => gradientFlow(layer), [layer]);
  const options = useMemo<Plot.PlotOptions>(() => {
    const positive = (values: readonly number[]): Points => byStep(values).filter(([, v]) => v > 0);
    return {
      x: { label: 'step' },
      y: { label: 'norm', type: 'log', grid: true },
      marks: [
        line(positive(whole), 'currentColor'),
        line(positive(along), SERIES[0]),
        line(positive(through), SERIES[1]),
      ],
    };
  }, [whole, along, through]);
  return (
    <>
      <Figure
        title="dL/dc over time, and the two ways it came"
        label="Norms by step, on a logarithmic axis."
        options={options}
        height={240}
      >
        <Key
          of={[
            ['all of it', 'currentColor'],
            ['along c, from the next step', SERIES[0]],
            ['through this step’s output', SERIES[1]],
          ]}
        />
      </Figure>
      <Told says="Its norm at the first step:" value={whole[0]!} />
    </>
  );
}

function Update() {
  const [moved, setMoved] = useState<Points>([]);
  const run = async (): Promise<void> => {
    const before = look.value!.trace;
    await advance('update');
    const after = look.value!.trace;
    const name = Object.keys(before.parameters).find((one) => one.includes('weight_hh'))!;
    const [old, now, slope] = [
      before.parameters[name]!.data,
      after.parameters[name]!.data,
      before.gradients[name]!.data,
    ];
    setMoved(Array.from(old, (v, i) => [slope[i]!, now[i]! - v] as const));
  };
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'gradient of the shown sequence', grid: true },
      y: { label: 'how far the weight went', grid: true },
      marks: [Plot.dot(moved as [number, number][], { r: 2, fill: SERIES[2] }), Plot.ruleY([0]), Plot.ruleX([0])],
    }),
    [moved],
  );
  const mean = moved.reduce((sum, [, v]) => sum + Math.abs(v), 0) / Math.max(1, moved.length);
  return (
    <>
      <button type="button" class="main" disabled={playing.value} onClick={() => void run()}>
        One update
      </button>
      <Figure
        title="Recurrent weights: slope and step"
        label={`A point a weight; they moved by ${mean.toPrecision(2)} in the mean.`}
        options={options}
        height={240}
      />
      <Told says={`With a learning rate of ${settings.value.rate} a weight moved by, in the mean:`} value={mean} />
    </>
  );
}

function Curves({ children }: { children?: preact.ComponentChildren }) {
  const [own, held] = [losses.value, validation.value];
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: { label: facts.value!.unit, grid: true },
      marks: [
        line(own, SERIES[0]),
        line(held, SERIES[1]),
        Plot.dot(held as [number, number][], { fill: SERIES[1], r: 3 }),
      ],
    }),
    [own, held],
  );
  return (
    <>
      <button type="button" class="main" disabled={playing.value} onClick={() => void advance('epoch')}>
        One epoch
      </button>
      <Figure title="Loss" label="By update: of the batches, and held out." options={options} height={220}>
        <Key
          of={[
            ['batch', SERIES[0]],
            ['held out', SERIES[1]],
          ]}
        />
      </Figure>
      {children}
    </>
  );
}

const Epochs = () => (
  <Curves>
    <Told says="Updates so far:" value={step.value} />
  </Curves>
);

function Evaluation() {
  const { unit: measure, outputNames } = facts.value!;
  const guess = measure === 'bits' ? Math.log2(outputNames.length) : null;
  const last = validation.value.at(-1)?.[1];
  return (
    <>
      <button type="button" class="main" disabled={playing.value} onClick={() => void advance('epoch')}>
        Train one epoch, and measure
      </button>
      <dl class="facts">
        {guess !== null && (
          <>
            <dt>a guess among {outputNames.length}</dt>
            <dd>{guess.toFixed(3)} bits</dd>
          </>
        )}
        <dt>held out, after {step.value} updates</dt>
        <dd>
          {last === undefined ? 'not measured yet' : `${last.toPrecision(4)}${measure === 'bits' ? ' bits' : ''}`}
        </dd>
      </dl>
      <pre class="sample">{sample.value?.text || 'Nothing said yet.'}</pre>
      {last !== undefined && <Told says="Held out:" value={last} />}
    </>
  );
}

const RATES = [0.0003, 0.003, 0.03, 0.3];

function Tuning() {
  const [found, setFound] = useState<readonly Sweep[] | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFound(await sweep(RATES, 150));
    setBusy(false);
  };
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: { label: 'loss', type: 'log', grid: true },
      marks: (found ?? []).map(({ losses: points }, i) =>
        line(
          points.filter(([, v]) => v > 0),
          SERIES[i]!,
        ),
      ),
    }),
    [found],
  );
  const best = found
    ?.filter(({ validation: v }) => v !== null && Number.isFinite(v))
    .sort((a, b) => a.validation! - b.validation!)[0];
  return (
    <>
      <button type="button" class="main" disabled={busy || playing.value} onClick={() => void run()}>
        {busy ? 'Training…' : 'Train with four rates, 150 updates each'}
      </button>
      <Figure
        title="Loss by learning rate"
        label={best ? `The best held-out loss is that of ${best.rate}.` : 'Nothing yet.'}
        options={options}
        height={240}
      >
        <Key of={RATES.map((rate, i) => [`${rate}`, SERIES[i]!] as const)} />
      </Figure>
      {best && <Told says="The best rate, by the held-out loss:" value={best.rate} />}
    </>
  );
}

function Deployment() {
  const [bytes, setBytes] = useState<number | null>(null);
  const [ms, setMs] = useState<number | null>(null);
  useEffect(() => {
    void save().then((file) => setBytes(file?.length ?? null));
  }, []);
  return (
    <>
      <button type="button" class="main" onClick={async () => setMs(await streamed(500))}>
        Feed it 500 steps, one by one
      </button>
      <dl class="facts">
        <dt>parameters</dt>
        <dd>{facts.value!.count.toLocaleString('en')}</dd>
        <dt>model file</dt>
        <dd>{bytes === null ? '…' : `${bytes.toLocaleString('en')} bytes`}</dd>
        <dt>a step of a stream, here</dt>
        <dd data-testid="ms">{ms === null ? 'not measured yet' : `${ms.toPrecision(2)} ms`}</dd>
      </dl>
      {bytes !== null && <Told says="Bytes of the file:" value={bytes} />}
    </>
  );
}

export const FIGURES: readonly ComponentType[] = [
  Prepared,
  Architecture,
  Started,
  Forward,
  Loss,
  Backward,
  Update,
  Epochs,
  Evaluation,
  Tuning,
  Deployment,
];
