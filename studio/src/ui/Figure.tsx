/** A drawing by Observable Plot, with its words and its files: it is drawn anew where its data, its width or the colors change. */
import * as Plot from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { saveCsv, savePng, saveSvg } from './files.js';
import { scheme } from './theme.js';

interface FigureProps {
  readonly title: string;
  /** What it shows, for who cannot see it. */
  readonly label: string;
  readonly options: Plot.PlotOptions;
  readonly height?: number;
  /** Columns and rows of what is drawn, for a CSV file. */
  readonly data?: () => {
    readonly columns: readonly string[];
    readonly rows: readonly (readonly (string | number)[])[];
  };
  readonly children?: ComponentChildren;
}

export function Figure({ title, label, options, height = 240, data, children }: FigureProps) {
  const room = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const colors = scheme.value;
  useEffect(() => {
    const box = room.current!;
    const seen = new ResizeObserver(() => setWidth(Math.round(box.clientWidth)));
    seen.observe(box);
    return () => seen.disconnect();
  }, []);
  useEffect(() => {
    if (width < 40) return;
    const drawn = Plot.plot({
      width,
      height,
      marginLeft: 52,
      style: { background: 'transparent', color: 'inherit', fontSize: '12px', fontFamily: 'inherit' },
      ...options,
    });
    // One picture with one label: those of its parts say nothing to who hears them.
    for (const part of drawn.querySelectorAll('g[aria-label]')) part.removeAttribute('aria-label');
    drawn.setAttribute('role', 'img');
    drawn.setAttribute('aria-label', label);
    room.current!.replaceChildren(drawn);
  }, [options, width, height, label, colors]);
  const svg = () => room.current!.querySelector('svg')!;
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
            <button type="button" onClick={() => saveCsv(data(), title)}>
              CSV
            </button>
          )}
        </span>
      </figcaption>
      {children}
      <div class="drawing" ref={room} style={{ minHeight: `${height}px` }} />
    </figure>
  );
}
