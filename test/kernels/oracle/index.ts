/** What each instruction should give. Slow on purpose. */
export * from './cell.js';
export * from './cell-halves.js';
export * from './losses.js';
export * from './noise.js';
export * from './products.js';
export * from './updates.js';
