/** What each instruction should give. Slow on purpose. */
export * from './cell.js';
export * from './losses.js';
export * from './products.js';
export * from './updates.js';
