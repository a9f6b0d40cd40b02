/**
 * Bundles two programs with esbuild, Vite, webpack and Rollup, and runs what they write:
 *   npm run build && node scripts/bundlers.mjs
 * npm installs the bundlers and the package, as it would be published, in a temporary folder: webpack and Rollup have too many
 * packages for the project itself. test/package/installed.test.ts covers esbuild and Vite.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES = ['esbuild', 'vite', 'webpack', 'rollup', '@rollup/plugin-node-resolve', '@rollup/plugin-terser'];

const spec = "{ inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 3 }, { kind: 'linear', size: 1 }] }";
const PROGRAMS = {
  'trains and predicts': `
import { adam, createModel, fit } from 'unspool';
const model = await createModel(${spec});
const batch = { steps: 4, batchSize: 1, inputs: [1, 2, 3, 4], targets: [2, 3, 4, 5] };
for await (const _ of fit(model, { train: { stateful: false, length: 9, batch: () => batch } }, { optimizer: adam() }));
console.log((await model.predict([1, 2])).output.toArray().flat(2).map((y) => y.toFixed(5)).join());
model.dispose();`,
  'unspool/infer': `
import { createModel, serializeModel } from 'unspool';
import { loadModel } from 'unspool/infer';
const model = loadModel(await serializeModel(await createModel(${spec})));
console.log([...model.predict([1, 2]).output.data].map((y) => y.toFixed(5)).join());`,
};

/** How each bundler is called, in its own process: in.mjs becomes files in \`out\`. */
const BUNDLERS = {
  esbuild: (out) => `
    import { build } from 'esbuild';
    const common = { bundle: true, minify: true, format: 'esm', splitting: true, external: ['node:*', 'gpu.js', 'webgpu'] };
    await build({ ...common, entryPoints: ['in.mjs'], outdir: '${out}', outExtension: { '.js': '.mjs' }, logLevel: 'error' });`,
  Vite: (out) => `
    import { build } from 'vite';
    const rollupOptions = { external: [/^node:/, 'gpu.js', 'webgpu'] };
    const lib = { entry: 'in.mjs', formats: ['es'], fileName: 'in' };
    await build({ configFile: false, logLevel: 'error', build: { lib, outDir: '${out}', minify: true, rollupOptions } });`,
  webpack: (out) => `
    import webpack from 'webpack';
    import { resolve } from 'node:path';
    const output = { path: resolve('${out}'), filename: 'in.mjs', chunkFilename: '[id].mjs', module: true };
    const externals = ['gpu.js', 'webgpu'];
    const config = { mode: 'production', entry: './in.mjs', target: ['node20', 'es2022'], output, externals, experiments: { outputModule: true } };
    webpack(config, (error, stats) => {
      if (!error && !stats.hasErrors()) return;
      console.error(error ?? stats.toString('errors-only'));
      process.exit(1);
    });`,
  Rollup: (out) => `
    import { rollup } from 'rollup';
    import resolve from '@rollup/plugin-node-resolve';
    import terser from '@rollup/plugin-terser';
    const external = [/^node:/, 'gpu.js', 'webgpu'];
    const bundle = await rollup({ input: 'in.mjs', plugins: [resolve(), terser()], external });
    await bundle.write({ dir: '${out}', format: 'es', entryFileNames: 'in.mjs', chunkFileNames: '[name]-[hash].mjs' });`,
};

const project = mkdtempSync(join(tmpdir(), 'unspool-bundlers-'));
const run = (command, ...args) =>
  execFileSync(command, args, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', 'install', '--ignore-scripts', '--no-audit', '--loglevel=error', ...PACKAGES);
  run('npm', 'install', '--install-links', '--ignore-scripts', '--no-audit', '--loglevel=error', process.cwd());
  for (const [name, code] of Object.entries(PROGRAMS)) {
    writeFileSync(join(project, 'in.mjs'), code);
    const expected = run(process.execPath, 'in.mjs');
    for (const [bundler, script] of Object.entries(BUNDLERS)) {
      const out = `out-${bundler.toLowerCase()}-${name.replace(/\W/g, '')}`;
      mkdirSync(join(project, out));
      writeFileSync(join(project, 'bundle.mjs'), script(out));
      run(process.execPath, 'bundle.mjs');
      const files = readdirSync(join(project, out)).filter((file) => /^in\.m?js$/.test(file));
      const printed = run(process.execPath, join(out, files[0]));
      if (printed !== expected) throw new Error(`${bundler}, ${name}: printed ${printed}instead of ${expected}`);
      console.log(`${bundler.padEnd(8)} ${name}: the same output`);
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
