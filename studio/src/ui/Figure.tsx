/** A figure drawn by Observable Plot, which can be saved. It is redrawn when its data, its width or the color scheme change. */
import * as Plot from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type CsvTable, saveCsv, savePng, saveSvg } from './files.js';
import { scheme } from './theme.js';

const MIN_WIDTH = 40;

interface FigureProps {
  readonly title: string;
  /** A description for screen readers. */
  readonly label: string;
  readonly options: Plot.PlotOptions;
  readonly height?: number;
  /** The drawn data, for a CSV file. */
  readonly data?: () => CsvTable;
  readonly children?: ComponentChildren;
}

function draw({ options, label, height }: FigureProps, width: number): Element {
  const drawing = Plot.plot({
    width,
    height,
    marginLeft: 60,
    style: { background: 'transparent', color: 'inherit', fontSize: '12px', fontFamily: 'inherit' },
    ...options,
  });
  // Screen readers get one label for the whole drawing.
  for (const part of drawing.querySelectorAll('g[aria-label]')) part.removeAttribute('aria-label');
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', label);
  return drawing;
}

export function Figure({ title, label, options, height = 240, data, children }: FigureProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current!; // the observer may still run after the figure is removed
    const observer = new ResizeObserver(() => setWidth(Math.round(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width >= MIN_WIDTH) box.current!.replaceChildren(draw({ title, label, options, height }, width));
  }, [options, width, height, label, scheme.value]);
  const svg = () => box.current!.querySelector('svg')!;
  return (
    <figure class="figure">
      <figcaption>
        <span>{title}</span>
        <span class="files">
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
      <div class="drawing" ref={box} style={{ minHeight: `${height}px` }} />
    </figure>
  );
}
