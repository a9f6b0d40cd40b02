/** Values over time and units on a canvas, a click or the arrow keys of which choose a place; with a legend of its colors. */

import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type ColorScale, type Grid, valueRange } from 'unspool/inspect';
import { css, place, table } from './colors.js';
import { saveCanvas, saveCsv } from './files.js';
import { scheme } from './theme.js';

export interface HeatmapProps {
  readonly title: string;
  /** [T, units]: time goes to the right. */
  readonly grid: Grid;
  /** `sign` is centered at 0. */
  readonly kind: ColorScale;
  /** Ends of the scale; by default those of the values. */
  readonly range?: readonly [low: number, high: number];
  readonly time: number;
  readonly unit: number;
  readonly choose: (time: number, unit: number) => void;
  readonly height?: number;
  /** What the two directions are called. Default: step and unit. */
  readonly names?: readonly [across: string, down: string];
}

const say = (value: number): string =>
  Math.abs(value) >= 1e-3 || value === 0 ? String(Number(value.toPrecision(2))) : value.toExponential(1);

export function Heatmap({
  title,
  grid,
  kind,
  range,
  time,
  unit,
  choose,
  height = 120,
  names = ['step', 'unit'],
}: HeatmapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colors = table(kind, scheme.value);
  const [low, high] = useMemo(() => range ?? valueRange(grid, kind), [grid, kind, range]);
  useEffect(() => {
    const { rows: T, cols: units, data } = grid;
    const to = canvas.current!;
    [to.width, to.height] = [T, units];
    const image = new ImageData(T, units);
    for (let t = 0; t < T; t++) {
      for (let j = 0; j < units; j++) {
        const from = 3 * place(data[t * units + j]!, low, high);
        const pixel = 4 * (j * T + t);
        for (let k = 0; k < 3; k++) image.data[pixel + k] = colors[from + k]!;
        image.data[pixel + 3] = 255;
      }
    }
    to.getContext('2d')!.putImageData(image, 0, 0);
  }, [grid, low, high, colors]);
  const pick = (event: MouseEvent): void => {
    const box = canvas.current!.getBoundingClientRect();
    const share = (v: number, from: number, size: number, count: number): number =>
      Math.max(0, Math.min(count - 1, Math.floor(((v - from) / size) * count)));
    choose(share(event.clientX, box.left, box.width, grid.rows), share(event.clientY, box.top, box.height, grid.cols));
  };
  const move = (event: KeyboardEvent): void => {
    const [dt, du] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [
      0, 0,
    ];
    if (dt === 0 && du === 0) return;
    event.preventDefault();
    event.stopPropagation();
    choose(Math.max(0, Math.min(grid.rows - 1, time + dt!)), Math.max(0, Math.min(grid.cols - 1, unit + du!)));
  };
  const value = grid.data[time * grid.cols + unit] ?? 0;
  const rows = () =>
    Array.from({ length: grid.rows }, (_, t) => [t, ...grid.data.subarray(t * grid.cols, (t + 1) * grid.cols)]);
  return (
    <figure class="figure heatmap">
      <figcaption>
        <span>{title}</span>
        <span class="files">
          <button type="button" onClick={() => saveCanvas(canvas.current!, title)}>
            PNG
          </button>
          <button
            type="button"
            onClick={() =>
              saveCsv(
                {
                  columns: [names[0], ...Array.from({ length: grid.cols }, (_, j) => `${names[1]} ${j}`)],
                  rows: rows(),
                },
                title,
              )
            }
          >
            CSV
          </button>
        </span>
      </figcaption>
      <div class="map" style={{ height: `${height}px` }}>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="slider"
          aria-label={`${title}: ${names[0]} and ${names[1]}; the arrow keys move`}
          aria-valuemin={0}
          aria-valuemax={grid.rows - 1}
          aria-valuenow={time}
          aria-valuetext={`${names[0]} ${time}, ${names[1]} ${unit}: ${say(value)}`}
          onPointerDown={(event) => {
            pick(event);
            canvas.current!.setPointerCapture(event.pointerId);
          }}
          onPointerMove={(event) => event.buttons > 0 && pick(event)}
          onKeyDown={move}
        />
        <div class="time" style={{ left: `${(100 * time) / grid.rows}%`, width: `${100 / grid.rows}%` }} />
        <div class="unit" style={{ top: `${(100 * unit) / grid.cols}%`, height: `${100 / grid.cols}%` }} />
      </div>
      <p class="legend">
        <span>{say(low)}</span>
        <i
          style={{
            background: `linear-gradient(90deg, ${[0, 51, 102, 153, 204, 255].map((at) => css(colors, at)).join(',')})`,
          }}
        />
        <span>{say(high)}</span>
        <span class="here">
          {names[0]} {time}, {names[1]} {unit}: <b>{say(value)}</b>
        </span>
      </p>
    </figure>
  );
}
