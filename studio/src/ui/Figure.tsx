/** A figure drawn by Observable Plot, which can be saved. It is redrawn when its data, its width or the color scheme change. */
import * as Plot from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { logAxis } from 'unspool/inspect';
import { type CsvTable, saveCsv, savePng, saveSvg } from './files.js';
import { scheme } from './theme.js';

const MIN_WIDTH = 40;
const HEIGHT = 240;

interface FigureProps {
  readonly title: string;
  /** A description for screen readers. */
  readonly label: string;
  readonly options: Plot.PlotOptions;
  readonly height?: number;
  /** Shown instead of a drawing without data; null if there are data. */
  readonly empty?: string | null;
  /** The drawn data, for a CSV file. */
  readonly data?: () => CsvTable;
  readonly children?: ComponentChildren;
}

/** Space around the axes for their labels; the sides grow if a label needs more. */
const MARGINS = { marginLeft: 48, marginRight: 20, marginTop: 24, marginBottom: 40 };
type Margins = typeof MARGINS;
/** Pixels per label of a logarithmic axis. */
const LABEL_DISTANCE = 32;
const FONT_SIZE = 12;
/** Between a label and the axis (its tick), and between a label and the edge. */
const LABEL_GAP = 14;
/** A figure whose data arrive faster than it can be drawn is redrawn in at most this share of the time. */
const MAX_SHARE = 0.2;
const MAX_WAIT_MS = 2000;

function draw({ options, height = HEIGHT }: FigureProps, width: number, margins: Margins): Element {
  const { x, y, ...rest } = options;
  return Plot.plot({
    width,
    height,
    ...margins,
    style: { background: 'transparent', color: 'inherit', fontSize: `${FONT_SIZE}px`, fontFamily: 'inherit' },
    x: { labelAnchor: 'center', labelArrow: 'none', ...x },
    y: { ...(y?.type === 'log' ? logAxis(Math.floor(height / LABEL_DISTANCE)) : {}), ...y } as Plot.ScaleOptions,
    ...rest,
  });
}

let pen: CanvasRenderingContext2D | null = null;

/** The width of the widest label of an axis. A canvas measures it without a layout of the page. */
function labelWidth(drawing: Element, axis: 'x' | 'y'): number {
  if (!pen) {
    pen = document.createElement('canvas').getContext('2d')!;
    pen.font = `${FONT_SIZE}px ${getComputedStyle(document.body).fontFamily}`;
  }
  const labels = [...drawing.querySelectorAll(`g[aria-label="${axis}-axis tick label"] text`)];
  return Math.max(0, ...labels.map((text) => pen!.measureText(text.textContent).width));
}

/** The margins with which every label of the drawing is inside it. They only grow, so that the axes do not jump. */
function marginsFor(drawing: Element, margins: Margins): Margins {
  const left = Math.ceil(labelWidth(drawing, 'y')) + LABEL_GAP;
  const right = Math.ceil(labelWidth(drawing, 'x') / 2) + 2;
  const { marginLeft, marginRight } = margins;
  if (left <= marginLeft && right <= marginRight) return margins;
  return { ...margins, marginLeft: Math.max(left, marginLeft), marginRight: Math.max(right, marginRight) };
}

/** Draws into the box. Returns the margins of the drawing. */
function drawInto(box: Element, props: FigureProps, width: number, margins: Margins): Margins {
  let drawing = draw(props, width, margins);
  const needed = marginsFor(drawing, margins);
  if (needed !== margins) drawing = draw(props, width, needed);
  // Screen readers get one label for the whole drawing.
  for (const part of drawing.querySelectorAll('g[aria-label]')) part.removeAttribute('aria-label');
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', props.label);
  box.replaceChildren(drawing);
  return needed;
}

/** Runs `act` now, or later if it took too long recently. Returns a function that cancels it. */
function useThrottled(): (act: () => void) => () => void {
  const next = useRef(0);
  return (act) => {
    const run = (): void => {
      const start = performance.now();
      act();
      const end = performance.now();
      next.current = end + Math.min(MAX_WAIT_MS, (end - start) * (1 / MAX_SHARE - 1));
    };
    const wait = next.current - performance.now();
    if (wait <= 0) {
      run();
      return () => {};
    }
    const timer = setTimeout(run, wait);
    return () => clearTimeout(timer);
  };
}

export function Figure({ title, label, options, height = HEIGHT, empty = null, data, children }: FigureProps) {
  const box = useRef<HTMLDivElement>(null);
  const margins = useRef(MARGINS);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current!; // the observer may still run after the figure is removed
    const observer = new ResizeObserver(() => setWidth(Math.round(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const throttled = useThrottled();
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    if (width < MIN_WIDTH || empty !== null) return element.replaceChildren();
    return throttled(() => {
      // The figure may be gone: Preact calls what cancels this after the next paint.
      margins.current = drawInto(element, { title, label, options, height }, width, margins.current);
    });
  }, [options, width, height, label, empty, scheme.value]);
  const svg = () => box.current!.querySelector('svg')!;
  return (
    <figure class="figure">
      <figcaption>
        <span>{title}</span>
        <span class="files" hidden={empty !== null}>
          <button type="button" onClick={() => saveSvg(svg(), title)}>
            SVG
          </button>
          <button type="button" onClick={() => void savePng(svg(), title)}>
            PNG
          </button>
          {data && (
            <button type="button" onClick={() => void saveCsv(data(), title)}>
              CSV
            </button>
          )}
        </span>
      </figcaption>
      {children}
      {empty !== null && (
        <p class="empty-drawing" style={{ height: `${height}px` }}>
          {empty}
        </p>
      )}
      <div class="drawing" ref={box} hidden={empty !== null} style={{ minHeight: `${height}px` }} />
    </figure>
  );
}
