/**
 * The eight moments of a step, (F1)-(F4) and (B4)-(B1): what is said about each, its equation, the wires that are lit,
 * and the same equation with a unit's numbers in it.
 */
import type { Gate } from 'unspool/inspect';
import type { Cell, Term } from './numbers.js';

export const FORWARD = ['F1', 'F2', 'F3', 'F4'] as const;
export const BACKWARD = ['B4', 'B3', 'B2', 'B1'] as const;
export type MomentId = (typeof FORWARD)[number] | (typeof BACKWARD)[number];

export interface Moment {
  readonly title: string;
  readonly says: string;
  /** Lines of TeX. */
  readonly symbols: readonly string[];
  /** Wires by their names in the diagram. */
  readonly lit: readonly string[];
}

/** Three figures, as TeX and as text. */
export function short(value: number): string {
  if (value === 0 || Object.is(value, -0)) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace('e+', 'e');
}

const tex = (value: number): string => {
  const text = short(value);
  const [mantissa, exponent] = text.split('e');
  return exponent === undefined ? text : `${mantissa}{\\cdot}10^{${exponent}}`;
};
/** In brackets where it is negative, so that signs do not meet. */
const factor = (value: number): string => (value < 0 ? `(${tex(value)})` : tex(value));
const plus = (value: number): string => (value < 0 ? `- ${tex(-value)}` : `+ ${tex(value)}`);
const SHOWN = 4;

/** `x[3]` as x with an index. */
const label = (from: string): string =>
  from
    .replace(/^(.+)\[(\d+)\]$/, (_, name: string, k: string) => `${name === 'x' ? 'x' : 'h^-'}_{${k}}`)
    .replace(/^other$/, '\\text{other}');

function sum(terms: readonly Term[]): string {
  const shown = terms.slice(0, SHOWN);
  const rest = terms.slice(SHOWN).reduce((total, { product }) => total + product, 0);
  const named = ({ from }: Term, text: string): string => `\\underset{${label(from)}}{${text}}`;
  const parts = shown.map((term, i) =>
    i === 0
      ? named(term, tex(term.product))
      : `${term.product < 0 ? '-' : '+'} ${named(term, tex(Math.abs(term.product)))}`,
  );
  return parts.join(' ') + (terms.length > SHOWN ? ` ${plus(rest)}_{\\text{(${terms.length - SHOWN} more)}}` : '');
}

const each = <T>(make: (gate: Gate) => T): T[] => (['i', 'f', 'g', 'o'] as const).map(make);
const letter = (kind: string, gate: Gate): string => `${kind}${gate}`;

export const MOMENTS: Readonly<Record<MomentId, Moment>> = {
  F1: {
    title: 'What each gate hears',
    says: 'The input and the output of the step before are weighed and added up, once for each gate.',
    symbols: ['a = x\\,W_x + h^-\\,W_h + b'],
    lit: ['x', 'hBefore', ...each((g) => letter('a', g))],
  },
  F2: {
    title: 'How far each gate opens',
    says: 'Three gates are squashed to between 0 (closed) and 1 (open); the candidate g to between −1 and 1.',
    symbols: ['i, f, o = \\sigma(a_{i,f,o}) \\qquad g = \\tanh(a_g)'],
    lit: each((g) => g),
  },
  F3: {
    title: 'What is kept, and what is written',
    says: 'The forget gate says how much of the old cell state stays, the input gate how much of the candidate is added.',
    symbols: ['c = f \\cdot c^- + i \\cdot g'],
    lit: ['cBefore', 'kept', 'written', 'f', 'i', 'g', 'c'],
  },
  F4: {
    title: 'What is said',
    says: 'The cell state is squashed, and the output gate says how much of it the others get to hear.',
    symbols: ['h = o \\cdot \\tanh c'],
    lit: ['o', 'tanhC', 'h'],
  },
  B4: {
    title: 'The gradient arrives, by two ways',
    says: 'dL/dh is what the layer above and the next step want of h. It opens into the output gate and into c, where it meets what comes back along the cell state.',
    symbols: ['do = dh \\cdot \\tanh c', 'dc = dc^+ + dh \\cdot o\\,(1 - \\tanh^2 c)'],
    lit: ['h', 'o', 'tanhC', 'c'],
  },
  B3: {
    title: 'Through the products',
    says: 'Each factor of a product gets the gradient times the other factor. What goes on to the step before is dc times the forget gate: no weights, no squashing.',
    symbols: ['di = dc \\cdot g \\quad dg = dc \\cdot i \\quad df = dc \\cdot c^- \\quad dc^- = dc \\cdot f'],
    lit: ['c', 'written', 'kept', 'i', 'f', 'g', 'cBefore'],
  },
  B2: {
    title: 'Through the squashing',
    says: 'A gate that is nearly open or nearly closed has a slope near 0: it lets almost no gradient through. That is saturation.',
    symbols: ['da_s = ds \\cdot s\\,(1 - s) \\qquad da_g = dg\\,(1 - g^2)'],
    lit: [...each((g) => g), ...each((g) => letter('a', g))],
  },
  B1: {
    title: 'To the weights, and to the step before',
    says: 'A weight gets da times what came through it. All gates of all units together send dh⁻ to the step before.',
    symbols: [
      "dW_x \\mathrel{+}= x'\\,da \\quad dW_h \\mathrel{+}= {h^-}'\\,da \\quad db \\mathrel{+}= da",
      "dh^- = da\\,W_h' \\qquad dx = da\\,W_x'",
    ],
    lit: [...each((g) => letter('a', g)), 'x', 'hBefore'],
  },
};

/** The equation with the numbers in it, as lines of TeX. `terms`: those of each gate's pre-activation, (F1). */
export function numbersOf(id: MomentId, cell: Cell, terms: Readonly<Record<Gate, readonly Term[]>>): string[] {
  const { a, gate, c, h, tanhC, cBefore } = cell;
  const slope = 1 - tanhC * tanhC;
  switch (id) {
    case 'F1':
      return each((g) => `a_${g} = ${sum(terms[g])} = \\mathbf{${tex(a[g].value)}}`);
    case 'F2':
      return each(
        (g) => `${g} = ${g === 'g' ? '\\tanh' : '\\sigma'}(${tex(a[g].value)}) = \\mathbf{${tex(gate[g].value)}}`,
      );
    case 'F3':
      return [
        `c = ${tex(gate.f.value)} \\cdot ${factor(cBefore.value)} + ${tex(gate.i.value)} \\cdot ${factor(gate.g.value)} = \\mathbf{${tex(c.value)}}`,
      ];
    case 'F4':
      return [`h = ${tex(gate.o.value)} \\cdot ${factor(tanhC)} = \\mathbf{${tex(h.value)}}`];
    case 'B4':
      return [
        `dh = ${tex(cell.hFromAbove)}_{\\text{above}} ${plus(cell.hFromNext)}_{\\text{next}} = \\mathbf{${tex(h.grad)}}`,
        `do = ${factor(h.grad)} \\cdot ${factor(tanhC)} = \\mathbf{${tex(gate.o.grad)}}`,
        `dc = ${tex(cell.cFromNext)} + ${factor(h.grad)} \\cdot ${tex(gate.o.value)} \\cdot ${tex(slope)} = \\mathbf{${tex(c.grad)}}`,
      ];
    case 'B3':
      return [
        `di = ${factor(c.grad)} \\cdot ${factor(gate.g.value)} = \\mathbf{${tex(gate.i.grad)}}`,
        `dg = ${factor(c.grad)} \\cdot ${tex(gate.i.value)} = \\mathbf{${tex(gate.g.grad)}}`,
        `df = ${factor(c.grad)} \\cdot ${factor(cBefore.value)} = \\mathbf{${tex(gate.f.grad)}}`,
        `dc^- = ${factor(c.grad)} \\cdot ${tex(gate.f.value)} = \\mathbf{${tex(cBefore.grad)}}`,
      ];
    case 'B2':
      return each((g) => {
        const { value, grad } = gate[g];
        const own = g === 'g' ? 1 - value * value : value * (1 - value);
        return `da_${g} = ${factor(grad)} \\cdot ${tex(own)} = \\mathbf{${tex(a[g].grad)}}`;
      });
    case 'B1':
      return [
        ...each((g) => {
          const [top] = terms[g];
          return `dW_{${g},\\,${label(top!.from)}} \\mathrel{+}= ${factor(a[g].grad)} \\cdot ${factor(top!.factor)} = \\mathbf{${tex(a[g].grad * top!.factor)}}`;
        }),
        `dh^- = \\mathbf{${tex(cell.hBefore.grad)}}`,
      ];
  }
}

/** A place in the whole walk: all steps forwards, then all steps back. */
export interface Place {
  readonly t: number;
  readonly id: MomentId;
}

export const walkLength = (steps: number): number => 8 * steps;

/** `reverse`: a layer that reads from the end goes the other way through time. */
export function placeAt(index: number, steps: number, reverse: boolean): Place {
  const forward = index < 4 * steps;
  const within = forward ? index : index - 4 * steps;
  const nth = Math.floor(within / 4);
  return { t: forward === reverse ? steps - 1 - nth : nth, id: (forward ? FORWARD : BACKWARD)[within % 4]! };
}

export function indexOf({ t, id }: Place, steps: number, reverse: boolean): number {
  const forward = (FORWARD as readonly string[]).includes(id);
  const nth = forward === reverse ? steps - 1 - t : t;
  const order = forward ? FORWARD.indexOf(id as 'F1') : BACKWARD.indexOf(id as 'B4');
  return (forward ? 0 : 4 * steps) + 4 * nth + order;
}
