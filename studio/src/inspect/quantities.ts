/** The quantities of an LSTM layer that the view shows. */
import { GATES, type Gate, type Grid, type LstmTrace } from 'unspool/inspect';

export const QUANTITIES = [...GATES, 'c', 'h'] as const;
export type Quantity = (typeof QUANTITIES)[number];

export const QUANTITY_TITLES: Readonly<Record<Quantity, string>> = {
  i: 'i, input gate',
  f: 'f, forget gate',
  g: 'g, candidate',
  o: 'o, output gate',
  c: 'c, cell state',
  h: 'h, output',
};

const isGate = (quantity: Quantity): quantity is Gate => quantity !== 'c' && quantity !== 'h';

/** Whether the quantity lies between 0 and 1. */
export const isFraction = (quantity: Quantity): boolean => isGate(quantity) && quantity !== 'g';
/** Whether the quantity lies between -1 and 1. */
export const isBounded = isGate;

/** The values over time [T, units], or their gradients. */
export function gridOf(layer: LstmTrace, quantity: Quantity, gradient: boolean): Grid {
  const source = gradient ? layer.grad : layer;
  return isGate(quantity) ? source.gates[quantity] : source[quantity];
}
