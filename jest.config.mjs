/** Tests run the TypeScript sources; those under test/cli and test/package run what `npm run build` made. */
import { existsSync } from 'node:fs';

// Where there is no GPU, the software driver that Debian's chromium brings. Tests see a copy of the environment, drivers do not.
const SOFTWARE_DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (!process.env.VK_DRIVER_FILES && existsSync(SOFTWARE_DRIVER)) process.env.VK_DRIVER_FILES = SOFTWARE_DRIVER;

export default {
  testEnvironment: 'node',
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
