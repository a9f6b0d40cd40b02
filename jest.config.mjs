/** Tests run the TypeScript sources; those under test/cli and test/package run what `npm run build` made. */
import { findMachine } from './test/support/find-machine.mjs';

findMachine();

export default {
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  // Jest runs modules in a context where every access to a global is slow. These become parameters of each module instead.
  sandboxInjectedGlobals: [
    ...['Math', 'Number', 'Infinity', 'Array', 'Object', 'Map', 'Set', 'Symbol', 'Promise', 'String', 'Error'],
    ...['Float32Array', 'Float64Array', 'Int32Array', 'Uint8Array', 'Uint32Array', 'ArrayBuffer', 'DataView'],
  ],
  reporters: ['default', '<rootDir>/test/support/skipped.mjs'],
  maxWorkers: '100%', // two on a machine of two cores, where jest's default is one
  testTimeout: 300_000, // for what hangs, not for what is slow on a busy machine
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // The Studio takes the package by its name.
    '^unspool$': '<rootDir>/src/index.ts',
    '^unspool/(lab|inspect)$': '<rootDir>/src/$1/index.ts',
  },
};
