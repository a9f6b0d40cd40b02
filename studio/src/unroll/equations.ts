/** The equations of a stage with the numbers of one unit, as lines of TeX. */
import { GATES, type Gate } from 'unspool/inspect';
import type { Cell, Term } from './cell.js';
import { factor, label, plus, sumOf, tex } from './numbers.js';
import type { Output } from './output.js';
import { lossGradLines, lossLines, outputGradLines, outputLines } from './output-equations.js';
import type { StageId } from './stages.js';

type Terms = Readonly<Record<Gate, readonly Term[]>>;

interface Numbers {
  readonly cell: Cell;
  /** The terms of each gate's pre-activation, (F1). */
  readonly terms: Terms;
  /** Null for a loss that the view does not explain. */
  readonly output: Output | null;
}

export function numericEquations(id: StageId, { cell, terms, output }: Numbers): string[] {
  if (id in CELL_EQUATIONS) return CELL_EQUATIONS[id as keyof typeof CELL_EQUATIONS](cell, terms);
  if (!output) return [];
  if (id === 'A1') return outputLines(output);
  if (id === 'L') return lossLines(output);
  return id === "L'" ? lossGradLines(output) : outputGradLines(output, cell.hFromAbove);
}

type CellStage = 'F1' | 'F2' | 'F3' | 'F4' | 'B4' | 'B3' | 'B2' | 'B1';

const CELL_EQUATIONS: Readonly<Record<CellStage, (cell: Cell, terms: Terms) => string[]>> = {
  F1: ({ a }, terms) => GATES.map((g) => `a_${g} = ${sumOf(terms[g])} = \\mathbf{${tex(a[g].value)}}`),
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
      return `dW_${g}(${label(top!.from)}) \\mathrel{+}= ${factor(a[g].grad)} \\cdot ${factor(top!.factor)} = \\mathbf{${tex(a[g].grad * top!.factor)}}`;
    }),
    `dh^- = \\mathbf{${tex(hBefore.grad)}}`,
  ],
};
