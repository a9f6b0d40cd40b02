/** The wires of the cell's diagram, with the number and the gradient that each carries. diagram-layouts.ts says where they are. */
import type { Gate } from 'unspool/inspect';
import type { Cell, Pair } from './cell.js';

export type WireId = 'cBefore' | 'kept' | 'written' | 'c' | 'tanhC' | 'h' | 'hBefore' | 'x' | Gate | `a${Gate}`;

export interface Wire {
  readonly id: WireId;
  readonly name: string;
  /** NaN for a wire without a single value. */
  value(cell: Cell): number;
  /** Null if the wire has no single gradient. */
  grad(cell: Cell): number | null;
}

/** A wire that carries one of the cell's values. */
const pairWire = (id: WireId, name: string, pairOf: (cell: Cell) => Pair): Wire => ({
  id,
  name,
  value: (cell) => pairOf(cell).value,
  grad: (cell) => pairOf(cell).grad,
});

const gateWire = (gate: Gate): Wire => pairWire(gate, gate, (cell) => cell.gate[gate]);
const preactivationWire = (gate: Gate): Wire => pairWire(`a${gate}`, `a_${gate}`, (cell) => cell.a[gate]);

export const WIRES: readonly Wire[] = [
  pairWire('cBefore', 'c⁻', (cell) => cell.cBefore),
  {
    id: 'kept',
    name: 'f·c⁻',
    value: ({ gate, cBefore }) => gate.f.value * cBefore.value,
    grad: ({ c }) => c.grad,
  },
  {
    id: 'written',
    name: 'i·g',
    value: ({ gate }) => gate.i.value * gate.g.value,
    grad: ({ c }) => c.grad,
  },
  pairWire('c', 'c', (cell) => cell.c),
  {
    id: 'tanhC',
    name: 'tanh c',
    value: ({ tanhC }) => tanhC,
    grad: ({ h, gate }) => h.grad * gate.o.value,
  },
  gateWire('f'),
  gateWire('i'),
  gateWire('g'),
  gateWire('o'),
  pairWire('h', 'h', (cell) => cell.h),
  preactivationWire('f'),
  preactivationWire('i'),
  preactivationWire('g'),
  preactivationWire('o'),
  pairWire('hBefore', 'h⁻', (cell) => cell.hBefore),
  {
    id: 'x',
    name: 'x and h⁻ of all units',
    value: () => Number.NaN,
    grad: () => null,
  },
];
