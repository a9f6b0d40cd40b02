/** Builds the Studio as static files. It imports the built package by name, as any user's page does. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const built = (entry: string): string => fileURLToPath(new URL(`../dist/${entry}.js`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  publicDir: fileURLToPath(new URL('../data', import.meta.url)),
  resolve: {
    alias: [
      { find: /^unspool$/, replacement: built('index') },
      { find: /^unspool\/(lab|inspect)$/, replacement: built('$1/index') },
    ],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false } },
});
