/** All optimizers by name: to add one, write its file and add its line. Only optimizers and their types are exported here. */
export * from './adadelta.js';
export * from './adagrad.js';
export { type AdamSettings, adam, adamW } from './adam.js';
export * from './amsgrad.js';
export * from './lamb.js';
export * from './lion.js';
export * from './nadam.js';
export * from './radam.js';
export * from './rmsprop.js';
export * from './sgd.js';
