/** The sets of gates that a cell can have. A gate that is not in the set is 1. */

export const INPUT: i32 = 1;
export const FORGET: i32 = 2;
export const OUTPUT: i32 = 4;
/** The forget gate is f = 1 - i. */
export const COUPLED: i32 = 8;

// One set for each name of GATE_SETS.
export const allGates: i32 = INPUT | FORGET | OUTPUT;
export const noInputGates: i32 = FORGET | OUTPUT;
export const noForgetGates: i32 = INPUT | OUTPUT;
export const noOutputGates: i32 = INPUT | FORGET;
export const coupledGates: i32 = INPUT | OUTPUT | COUPLED;
