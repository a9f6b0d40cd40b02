/** Numbers and sums as TeX. */
import type { Term } from './cell.js';

/** Three significant digits at most, as text that TeX can show too. */
export function formatNumber(value: number): string {
  if (value === 0 || Object.is(value, -0)) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace('e+', 'e');
}

export const tex = (value: number): string => {
  const text = formatNumber(value);
  const [mantissa, exponent] = text.split('e');
  return exponent === undefined ? text : `${mantissa}{\\cdot}10^{${exponent}}`;
};
/** Negative factors are put in parentheses. */
export const factor = (value: number): string => (value < 0 ? `(${tex(value)})` : tex(value));
export const plus = (value: number): string => (value < 0 ? `- ${tex(-value)}` : `+ ${tex(value)}`);
/** Terms of a sum that are shown; the others are added up. */
const SHOWN_TERMS = 4;

/** A name as TeX. Indices stay in brackets, because a subscript of a subscript would be too small to read. */
export const label = (from: string): string =>
  from.replace('⁻', '^-').replace(/^other.*$/, (words) => `\\text{${words}}`);

/** A sum of at most `SHOWN_TERMS` terms, each with its name below it, and the others in one number. */
export function sumOf(terms: readonly Term[]): string {
  const shown = terms.slice(0, SHOWN_TERMS);
  const rest = terms.slice(SHOWN_TERMS).reduce((total, { product }) => total + product, 0);
  const named = ({ from }: Term, text: string): string => `\\underset{${label(from)}}{${text}}`;
  const parts = shown.map((term, i) =>
    i === 0
      ? named(term, tex(term.product))
      : `${term.product < 0 ? '-' : '+'} ${named(term, tex(Math.abs(term.product)))}`,
  );
  return (
    parts.join(' ') +
    (terms.length > SHOWN_TERMS ? ` ${plus(rest)}_{\\text{(${terms.length - SHOWN_TERMS} more)}}` : '')
  );
}
