/** The wires of the cell's diagram, with the number and the gradient that each carries. */
import type { Gate } from 'unspool/inspect';
import type { Cell, Pair } from './cell.js';

export interface Wire {
  readonly id: string;
  /** An SVG path, in the direction of the forward pass. */
  readonly path: string;
  /** The position of the label. */
  readonly at: readonly [x: number, y: number];
  readonly name: string;
  /** NaN for a wire without a single value. */
  value(cell: Cell): number;
  /** Null if the wire has no single gradient. */
  grad(cell: Cell): number | null;
}

export const GATE_X = { f: 150, i: 300, g: 420, o: 560 } as const;

/** A wire that carries one of the cell's values. */
const pairWire = (
  id: string,
  name: string,
  path: string,
  at: readonly [number, number],
  pairOf: (cell: Cell) => Pair,
): Wire => ({ id, name, path, at, value: (cell) => pairOf(cell).value, grad: (cell) => pairOf(cell).grad });

const gateWire = (gate: Gate, path: string, at: readonly [number, number]): Wire =>
  pairWire(gate, gate, path, at, (cell) => cell.gate[gate]);

const preactivationWire = (gate: Gate): Wire =>
  pairWire(`a${gate}`, `a_${gate}`, `M${GATE_X[gate]} 430V372`, [GATE_X[gate] + 8, 402], (cell) => cell.a[gate]);

export const WIRES: readonly Wire[] = [
  pairWire('cBefore', 'c⁻', 'M10 70H132', [14, 52], (cell) => cell.cBefore),
  {
    id: 'kept',
    name: 'f·c⁻',
    path: 'M168 70H342',
    at: [205, 52],
    value: ({ gate, cBefore }) => gate.f.value * cBefore.value,
    grad: ({ c }) => c.grad,
  },
  {
    id: 'written',
    name: 'i·g',
    path: 'M360 192V88',
    at: [368, 132],
    value: ({ gate }) => gate.i.value * gate.g.value,
    grad: ({ c }) => c.grad,
  },
  pairWire('c', 'c', 'M378 70H790', [690, 52], (cell) => cell.c),
  {
    id: 'tanhC',
    name: 'tanh c',
    path: 'M640 70V112M640 148V212',
    at: [648, 174],
    value: ({ tanhC }) => tanhC,
    grad: ({ h, gate }) => h.grad * gate.o.value,
  },
  gateWire('f', 'M150 328V88', [158, 230]),
  gateWire('i', 'M300 328V210H342', [308, 290]),
  gateWire('g', 'M420 328V210H378', [428, 290]),
  gateWire('o', 'M560 328V230H622', [568, 290]),
  pairWire('h', 'h', 'M658 230H790', [690, 212], (cell) => cell.h),
  preactivationWire('f'),
  preactivationWire('i'),
  preactivationWire('g'),
  preactivationWire('o'),
  pairWire('hBefore', 'h⁻', 'M10 430H560', [14, 414], (cell) => cell.hBefore),
  {
    id: 'x',
    name: 'x and h⁻ of all units',
    path: 'M300 492V430',
    at: [308, 482],
    value: () => Number.NaN,
    grad: () => null,
  },
];

/** Horizontal wires, whose gradient is written below them. */
export const HORIZONTAL = new Set(['cBefore', 'kept', 'c', 'h', 'hBefore']);
