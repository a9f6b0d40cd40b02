/** Typeset mathematics. */
import katex from 'katex';
import { useMemo } from 'preact/hooks';
import 'katex/dist/katex.min.css';

/** What was set before: the same few equations come again and again. */
const known = new Map<string, string>();
const MOST = 400;

function setIn(text: string, displayMode: boolean): string {
  const key = `${displayMode}${text}`;
  let html = known.get(key);
  if (html === undefined) {
    html = katex.renderToString(text, { displayMode, throwOnError: false, output: 'htmlAndMathml' });
    if (known.size >= MOST) known.clear();
    known.set(key, html);
  }
  return html;
}

export function Tex({ children, display = false }: { children: string; display?: boolean }) {
  const html = useMemo(() => setIn(children, display), [children, display]);
  return <span dangerouslySetInnerHTML={{ __html: html }} />;
}
