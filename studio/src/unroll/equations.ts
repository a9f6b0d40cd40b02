/** The equations of a stage with the numbers of one unit, as lines of TeX. */
import { GATES, type Gate } from 'unspool/inspect';
import type { Cell, Term } from './cell.js';
import type { StageId } from './stages.js';

/** Three significant digits at most, as text that TeX can show too. */
export function formatNumber(value: number): string {
  if (value === 0 || Object.is(value, -0)) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace('e+', 'e');
}

const tex = (value: number): string => {
  const text = formatNumber(value);
  const [mantissa, exponent] = text.split('e');
  return exponent === undefined ? text : `${mantissa}{\\cdot}10^{${exponent}}`;
};
/** Negative factors are put in parentheses. */
const factor = (value: number): string => (value < 0 ? `(${tex(value)})` : tex(value));
const plus = (value: number): string => (value < 0 ? `- ${tex(-value)}` : `+ ${tex(value)}`);
/** Terms of a sum that are shown; the others are added up. */
const SHOWN_TERMS = 4;

/** `x[3]` as x with a subscript. */
const label = (from: string): string =>
  from
    .replace(/^(.+)\[(\d+)\]$/, (_, name: string, k: string) => `${name === 'x' ? 'x' : 'h^-'}_{${k}}`)
    .replace(/^other$/, '\\text{other}');

function sum(terms: readonly Term[]): string {
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

type Terms = Readonly<Record<Gate, readonly Term[]>>;

/** `terms`: the terms of each gate's pre-activation, (F1). */
export function numericEquations(id: StageId, cell: Cell, terms: Terms): string[] {
  return EQUATIONS[id](cell, terms);
}

const EQUATIONS: Readonly<Record<StageId, (cell: Cell, terms: Terms) => string[]>> = {
  F1: ({ a }, terms) => GATES.map((g) => `a_${g} = ${sum(terms[g])} = \\mathbf{${tex(a[g].value)}}`),
  F2: ({ a, gate }) =>
    GATES.map(
      (g) => `${g} = ${g === 'g' ? '\\tanh' : '\\sigma'}(${tex(a[g].value)}) = \\mathbf{${tex(gate[g].value)}}`,
    ),
  F3: ({ gate, c, cBefore }) => [
    `c = ${tex(gate.f.value)} \\cdot ${factor(cBefore.value)} + ${tex(gate.i.value)} \\cdot ${factor(gate.g.value)} = \\mathbf{${tex(c.value)}}`,
  ],
  F4: ({ gate, h, tanhC }) => [`h = ${tex(gate.o.value)} \\cdot ${factor(tanhC)} = \\mathbf{${tex(h.value)}}`],
  B4: ({ gate, c, h, tanhC, hFromAbove, hFromNext, cFromNext }) => [
    `dh = ${tex(hFromAbove)}_{\\text{above}} ${plus(hFromNext)}_{\\text{next}} = \\mathbf{${tex(h.grad)}}`,
    `do = ${factor(h.grad)} \\cdot ${factor(tanhC)} = \\mathbf{${tex(gate.o.grad)}}`,
    `dc = ${tex(cFromNext)} + ${factor(h.grad)} \\cdot ${tex(gate.o.value)} \\cdot ${tex(1 - tanhC * tanhC)} = \\mathbf{${tex(c.grad)}}`,
  ],
  B3: ({ gate, c, cBefore }) => [
    `di = ${factor(c.grad)} \\cdot ${factor(gate.g.value)} = \\mathbf{${tex(gate.i.grad)}}`,
    `dg = ${factor(c.grad)} \\cdot ${tex(gate.i.value)} = \\mathbf{${tex(gate.g.grad)}}`,
    `df = ${factor(c.grad)} \\cdot ${factor(cBefore.value)} = \\mathbf{${tex(gate.f.grad)}}`,
    `dc^- = ${factor(c.grad)} \\cdot ${tex(gate.f.value)} = \\mathbf{${tex(cBefore.grad)}}`,
  ],
  B2: ({ a, gate }) =>
    GATES.map((g) => {
      const { value, grad } = gate[g];
      const slope = g === 'g' ? 1 - value * value : value * (1 - value);
      return `da_${g} = ${factor(grad)} \\cdot ${tex(slope)} = \\mathbf{${tex(a[g].grad)}}`;
    }),
  B1: ({ a, hBefore }, terms) => [
    ...GATES.map((g) => {
      const [top] = terms[g];
      return `dW_{${g},\\,${label(top!.from)}} \\mathrel{+}= ${factor(a[g].grad)} \\cdot ${factor(top!.factor)} = \\mathbf{${tex(a[g].grad * top!.factor)}}`;
    }),
    `dh^- = \\mathbf{${tex(hBefore.grad)}}`,
  ],
};
