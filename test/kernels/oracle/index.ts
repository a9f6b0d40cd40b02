/** The expected result of each instruction, computed by the simplest code. */
export * from './cell.js';
export * from './cell-halves.js';
export * from './losses.js';
export * from './noise.js';
export * from './norm.js';
export * from './products.js';
export * from './updates.js';
