/** Packs the benchmark for a machine with a GPU and no network: Unspool, gpu.js, WebGPU for Node, the shapes. */
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_BYTES = 60 * 2 ** 20;

/** gpu.js and what it needs in Node. */
const PACKAGES = ['gpu.js', 'acorn', 'gpu-mock.js'];

const FILES = ['node.mjs', 'shapes.mjs', 'measure.mjs', 'dispatches.mjs', 'pytorch.py'];

/** Bundles the check against the golden vectors, with the backend that it checks. */
export function bundleCorrectness(outfile) {
  const entryPoints = [join(ROOT, 'bench/gpu/correctness.ts')];
  const external = ['gpu.js', 'webgpu'];
  buildSync({ entryPoints, outfile, external, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
}

export function pack(folder) {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty`);
  const copy = (from, to, filter = () => true) =>
    cpSync(join(ROOT, from), join(folder, to), { recursive: true, dereference: true, filter });
  mkdirSync(folder, { recursive: true });
  copy('dist', 'dist', (path) => !path.endsWith('.d.ts'));
  for (const name of PACKAGES) copy(`node_modules/${name}`, `node_modules/${name}`, (path) => !/\.min\.js$/.test(path));
  const dawn = `node_modules/webgpu`;
  const platform = `${process.platform}-${process.arch}`;
  for (const name of ['index.js', 'package.json', 'LICENSE.md']) copy(`${dawn}/${name}`, `${dawn}/${name}`);
  copy(`${dawn}/dist/${platform}`, `${dawn}/dist/${platform}`);
  for (const name of FILES) copy(`bench/gpu/${name}`, `bench/gpu/${name}`);
  copy('test/golden', 'bench/gpu/golden', (path) => !/\.(py|md)$/.test(path));
  bundleCorrectness(join(folder, 'bench/gpu/correctness.bundle.mjs'));
  copy('bench/peers/workloads.mjs', 'bench/peers/workloads.mjs');
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  const bytes = sizeOf(folder);
  if (bytes > MAX_BYTES) throw new Error(`${folder} has ${bytes} bytes, more than ${MAX_BYTES}`);
  console.log(`${folder}: ${(bytes / 2 ** 20).toFixed(1)} MiB. Run: node bench/gpu/node.mjs`);
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0);
}
