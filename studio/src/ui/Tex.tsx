/** Typeset mathematics. */
import katex from 'katex';
import { useMemo } from 'preact/hooks';
import 'katex/dist/katex.min.css';

export function Tex({ children, display = false }: { children: string; display?: boolean }) {
  const html = useMemo(
    () => katex.renderToString(children, { displayMode: display, throwOnError: false, output: 'htmlAndMathml' }),
    [children, display],
  );
  return <span dangerouslySetInnerHTML={{ __html: html }} />;
}
