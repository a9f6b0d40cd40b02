/** The cell of one unit, as a drawing with a number on every wire: forwards above it, and the gradient below. */

import { short } from './moments.js';
import type { Cell } from './numbers.js';

interface Wire {
  readonly id: string;
  /** The way from where it begins to where it ends. */
  readonly path: string;
  /** Where its numbers stand. */
  readonly at: readonly [x: number, y: number];
  readonly name: string;
  value(cell: Cell): number;
  /** Null where nothing is kept about it. */
  grad(cell: Cell): number | null;
}

const gateWire = (id: 'i' | 'f' | 'g' | 'o', path: string, at: readonly [number, number]): Wire => ({
  id,
  path,
  at,
  name: id,
  value: ({ gate }) => gate[id].value,
  grad: ({ gate }) => gate[id].grad,
});

const GATE_X = { f: 150, i: 300, g: 420, o: 560 } as const;

const preactivation = (id: 'i' | 'f' | 'g' | 'o'): Wire => ({
  id: `a${id}`,
  path: `M${GATE_X[id]} 430V372`,
  at: [GATE_X[id] + 8, 402],
  name: `a_${id}`,
  value: ({ a }) => a[id].value,
  grad: ({ a }) => a[id].grad,
});

const WIRES: readonly Wire[] = [
  {
    id: 'cBefore',
    path: 'M10 70H132',
    at: [14, 52],
    name: 'c⁻',
    value: (k) => k.cBefore.value,
    grad: (k) => k.cBefore.grad,
  },
  {
    id: 'kept',
    path: 'M168 70H342',
    at: [205, 52],
    name: 'f·c⁻',
    value: (k) => k.gate.f.value * k.cBefore.value,
    grad: (k) => k.c.grad,
  },
  {
    id: 'written',
    path: 'M360 192V88',
    at: [368, 132],
    name: 'i·g',
    value: (k) => k.gate.i.value * k.gate.g.value,
    grad: (k) => k.c.grad,
  },
  { id: 'c', path: 'M378 70H790', at: [690, 52], name: 'c', value: (k) => k.c.value, grad: (k) => k.c.grad },
  {
    id: 'tanhC',
    path: 'M640 70V112M640 148V212',
    at: [648, 174],
    name: 'tanh c',
    value: (k) => k.tanhC,
    grad: (k) => k.h.grad * k.gate.o.value,
  },
  gateWire('f', 'M150 328V88', [158, 230]),
  gateWire('i', 'M300 328V210H342', [308, 290]),
  gateWire('g', 'M420 328V210H378', [428, 290]),
  gateWire('o', 'M560 328V230H622', [568, 290]),
  { id: 'h', path: 'M658 230H790', at: [690, 212], name: 'h', value: (k) => k.h.value, grad: (k) => k.h.grad },
  preactivation('f'),
  preactivation('i'),
  preactivation('g'),
  preactivation('o'),
  {
    id: 'hBefore',
    path: 'M10 430H560',
    at: [14, 414],
    name: 'h⁻',
    value: (k) => k.hBefore.value,
    grad: (k) => k.hBefore.grad,
  },
  { id: 'x', path: 'M300 492V430', at: [308, 482], name: 'x and all of h⁻', value: () => Number.NaN, grad: () => null },
];

/** Wires that lie flat: their gradient stands below them. */
const ACROSS = new Set(['cBefore', 'kept', 'c', 'h', 'hBefore']);

const Node = ({ x, y, of, title }: { x: number; y: number; of: string; title: string }) => (
  <g>
    <title>{title}</title>
    <circle cx={x} cy={y} r="18" class="node" />
    <text x={x} y={y + 5} text-anchor="middle" class="sign">
      {of}
    </text>
  </g>
);

const Box = ({ x, y, of }: { x: number; y: number; of: string }) => (
  <g>
    <rect x={x - 30} y={y - 18} width="60" height="36" rx="6" class="node" />
    <text x={x} y={y + 5} text-anchor="middle" class="sign">
      {of}
    </text>
  </g>
);

interface DiagramProps {
  readonly cell: Cell;
  readonly lit: readonly string[];
  /** Whether the walk is on its way back, and gradients are known. */
  readonly back: boolean;
}

export function Diagram({ cell, lit, back }: DiagramProps) {
  return (
    <svg
      class="diagram"
      viewBox="0 0 800 500"
      role="img"
      aria-label={`Unit ${cell.unit} at step ${cell.t}: c ${short(cell.c.value)}, h ${short(cell.h.value)}`}
    >
      {WIRES.map(({ id, path, at: [x, y], name, value, grad }) => {
        const [number, slope] = [value(cell), grad(cell)];
        const on = lit.includes(id);
        return (
          <g key={id} class={`wire ${on ? (back ? 'lit back' : 'lit') : ''}`} data-wire={id}>
            <path d={path} />
            <text x={x} y={y} class="name">
              {name}
              {Number.isNaN(number) ? null : (
                <tspan class="value" dx="5" data-value={number}>
                  {short(number)}
                </tspan>
              )}
            </text>
            {back && slope !== null && (
              <text x={x} y={y + (ACROSS.has(id) ? 36 : 17)} class="grad" data-grad={slope}>
                ∂ {short(slope)}
              </text>
            )}
          </g>
        );
      })}
      <Node x={150} y={70} of="×" title="times the forget gate" />
      <Node x={360} y={70} of="+" title="kept plus written" />
      <Node x={360} y={210} of="×" title="input gate times candidate" />
      <Node x={640} y={230} of="×" title="output gate times tanh c" />
      <Box x={640} y={130} of="tanh" />
      <Box x={GATE_X.f} y={350} of="σ" />
      <Box x={GATE_X.i} y={350} of="σ" />
      <Box x={GATE_X.g} y={350} of="tanh" />
      <Box x={GATE_X.o} y={350} of="σ" />
    </svg>
  );
}
