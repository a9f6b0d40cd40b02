/** A heat map with a legend. A click or the arrow keys select a cell. */
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type ColorScale, type Grid, valueRange } from 'unspool/inspect';
import { type ColorTable, colorIndex, colorTable, css } from './colors.js';
import { saveCanvas, saveCsv } from './files.js';
import { scheme } from './theme.js';

export interface HeatmapProps {
  readonly title: string;
  /** [T, units]: time is on the horizontal axis. */
  readonly grid: Grid;
  /** `sign` is centered at 0. */
  readonly kind: ColorScale;
  /** The ends of the color scale. Default: the range of the values. */
  readonly range?: readonly [low: number, high: number];
  readonly time: number;
  readonly unit: number;
  readonly onSelect: (time: number, unit: number) => void;
  readonly height?: number;
  /** Names of the horizontal and the vertical axis. Default: step and unit. */
  readonly names?: readonly [horizontal: string, vertical: string];
}

type Range = readonly [low: number, high: number];
type Canvas = RefObject<HTMLCanvasElement | null>;

const DEFAULT_NAMES = ['step', 'unit'] as const;
/** Colors of a strip of the legend. */
const STRIP_STOPS = 6;
const ARROWS: Readonly<Record<string, readonly [time: number, unit: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const format = (value: number): string =>
  Math.abs(value) >= 1e-3 || value === 0 ? String(Number(value.toPrecision(2))) : value.toExponential(1);
const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));

function paint(
  canvas: HTMLCanvasElement,
  { rows: T, cols: units, data }: Grid,
  [low, high]: Range,
  colors: ColorTable,
) {
  [canvas.width, canvas.height] = [T, units];
  const image = new ImageData(T, units);
  for (let t = 0; t < T; t++) {
    for (let j = 0; j < units; j++) {
      const from = 3 * colorIndex(data[t * units + j]!, low, high);
      const pixel = 4 * (j * T + t);
      for (let k = 0; k < 3; k++) image.data[pixel + k] = colors[from + k]!;
      image.data[pixel + 3] = 255;
    }
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

function csvOf({ rows, cols, data }: Grid, [horizontal, vertical]: readonly [string, string]) {
  return {
    columns: [horizontal, ...Array.from({ length: cols }, (_, j) => `${vertical} ${j}`)],
    rows: Array.from({ length: rows }, (_, t) => [t, ...data.subarray(t * cols, (t + 1) * cols)]),
  };
}

function Caption({ title, grid, names = DEFAULT_NAMES, canvas }: HeatmapProps & { canvas: Canvas }) {
  return (
    <figcaption>
      <span>{title}</span>
      <span class="files">
        <button type="button" onClick={() => saveCanvas(canvas.current!, title)}>
          PNG
        </button>
        <button type="button" onClick={() => void saveCsv(csvOf(grid, names), title)}>
          CSV
        </button>
      </span>
    </figcaption>
  );
}

/** The canvas, with markers of the selected time step and unit. */
function MapCanvas({
  title,
  grid,
  time,
  unit,
  onSelect,
  height = 120,
  names = DEFAULT_NAMES,
  canvas,
}: HeatmapProps & { canvas: Canvas }) {
  const { rows, cols } = grid;
  const selectAt = ({ clientX, clientY }: MouseEvent): void => {
    const { left, top, width, height: size } = canvas.current!.getBoundingClientRect();
    const at = (share: number, count: number): number => clamp(Math.floor(share * count), count);
    onSelect(at((clientX - left) / width, rows), at((clientY - top) / size, cols));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = ARROWS[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    onSelect(clamp(time + move[0], rows), clamp(unit + move[1], cols));
  };
  return (
    <div class="map" style={{ height: `${height}px` }}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="slider"
        aria-label={`${title}: ${names[0]} and ${names[1]}; move with the arrow keys`}
        aria-valuemin={0}
        aria-valuemax={rows - 1}
        aria-valuenow={time}
        aria-valuetext={`${names[0]} ${time}, ${names[1]} ${unit}: ${format(grid.data[time * cols + unit] ?? 0)}`}
        onPointerDown={(event) => {
          selectAt(event);
          canvas.current!.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => event.buttons > 0 && selectAt(event)}
        onKeyDown={onKeyDown}
      />
      <div class="time" style={{ left: `${(100 * time) / rows}%`, width: `${100 / rows}%` }} />
      <div class="unit" style={{ top: `${(100 * unit) / cols}%`, height: `${100 / cols}%` }} />
    </div>
  );
}

/** A strip of the colors between two positions of the scale, 0 to 1. */
function Strip({ colors, from, to }: { colors: ColorTable; from: number; to: number }) {
  const stops = Array.from({ length: STRIP_STOPS }, (_, i) =>
    css(colors, Math.round(255 * (from + ((to - from) * i) / (STRIP_STOPS - 1)))),
  );
  return <i style={{ background: `linear-gradient(90deg, ${stops.join(',')})` }} />;
}

const Legend = ({ kind, range: [low, high], colors }: { kind: ColorScale; range: Range; colors: ColorTable }) => (
  <span class="scale" data-testid="scale">
    <span>{format(low)}</span>
    {kind === 'sign' ? (
      <>
        <Strip colors={colors} from={0} to={0.5} />
        <span>0</span>
        <Strip colors={colors} from={0.5} to={1} />
      </>
    ) : (
      <Strip colors={colors} from={0} to={1} />
    )}
    <span>{format(high)}</span>
  </span>
);

export function Heatmap(props: HeatmapProps) {
  const { grid, kind, range, time, unit, names = DEFAULT_NAMES } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const colors = colorTable(kind, scheme.value);
  const [low, high] = useMemo(() => range ?? valueRange(grid, kind), [grid, kind, range]);
  useEffect(() => paint(canvas.current!, grid, [low, high], colors), [grid, low, high, colors]);
  return (
    <figure class="figure heatmap">
      <Caption {...props} canvas={canvas} />
      <MapCanvas {...props} canvas={canvas} />
      <p class="legend">
        <Legend kind={kind} range={[low, high]} colors={colors} />
        <span class="selected">
          {names[0]} {time}, {names[1]} {unit}: <b>{format(grid.data[time * grid.cols + unit] ?? 0)}</b>
        </span>
      </p>
    </figure>
  );
}
