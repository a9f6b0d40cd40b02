/** A typeset equation. */
import katex, { type KatexOptions } from 'katex';
import { useMemo } from 'preact/hooks';
import 'katex/dist/katex.min.css';

/** HTML of recent equations: the same few are shown again and again. */
const cache = new Map<string, string>();
const MAX_CACHED = 400;
/** Bold numbers are drawn with a stroke (see parts.css): KaTeX's bold font alone would be 25 KB. */
const OPTIONS: KatexOptions = {
  throwOnError: false,
  output: 'htmlAndMathml',
  macros: { '\\mathbf': '\\htmlClass{bold}{#1}' },
  trust: ({ command }) => command === '\\htmlClass',
  strict: (code) => (code === 'htmlExtension' ? 'ignore' : 'warn'),
};

function typeset(text: string, displayMode: boolean): string {
  const key = `${displayMode}${text}`;
  let html = cache.get(key);
  if (html === undefined) {
    html = katex.renderToString(text, { ...OPTIONS, displayMode });
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(key, html);
  }
  return html;
}

export function Tex({ children, display = false }: { children: string; display?: boolean }) {
  const html = useMemo(() => typeset(children, display), [children, display]);
  return <span dangerouslySetInnerHTML={{ __html: html }} />;
}
