/**
 * Loads a package by Node instead of jest, which evaluates it again for each test file, in a sandbox where it is slower. The objects
 * of the package belong to the realm outside the tests: `instanceof` does not recognize them.
 */
import { join } from 'node:path';

const { createRequire } = process.getBuiltinModule('node:module');

export const loadNatively = <Package>(name: string): Package =>
  createRequire(join(__dirname, 'native.ts'))(name) as Package;
