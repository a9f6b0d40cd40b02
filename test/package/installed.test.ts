/**
 * The package as a user gets it: packed by npm and installed into an empty project. The examples of the README and of
 * docs/web-app.md run there, in Node, Deno and Bun, after bundling, and by `require`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

const BIN = join(ROOT, 'node_modules/.bin');
const project = mkdtempSync(join(tmpdir(), 'unspool-project-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The code of a document in a language, without its types. */
function program(document: string, language: 'ts' | 'js'): string {
  const [, code] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(
    readFileSync(join(ROOT, document), 'utf8'),
  )!;
  return execFileSync(join(BIN, 'esbuild'), [`--loader=${language}`], { input: code!, encoding: 'utf8' });
}

/** What a streamed step and a sequence give; it has no types and no random numbers. */
const INFER = `
import { readFileSync } from 'node:fs';
import { loadModel } from 'unspool/infer';
const model = loadModel(readFileSync('model.safetensors'));
const state = model.initialState();
console.log(JSON.stringify([...model.step(state, [1]), ...model.predict([1, 2, 0]).output.data]));
`;

beforeAll(() => {
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  // Packs the folder by the rules of npm pack, and installs what it has packed.
  run('npm', 'install', '--install-links', '--offline', '--ignore-scripts', '--no-audit', '--loglevel=error', ROOT);
  writeFileSync(join(project, 'text.txt'), 'It was the best of times, it was the worst of times. '.repeat(20));
  const sizes = ['--hidden-size', '4', '--batch-size', '2', '--steps', '8', '--max-updates', '2', '--quiet'];
  run('node_modules/.bin/unspool', 'train', 'text.txt', ...sizes, '--out', 'model.safetensors');
  writeFileSync(join(project, 'infer.mjs'), INFER);
});

test('nothing but the package is installed, with its documents and without its sources', () => {
  expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['unspool']);
  const files = readdirSync(join(project, 'node_modules/unspool')).sort();
  expect(files).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'data', 'dist', 'docs', 'package.json', 'schemas']);
});

test.each(['README.md', 'docs/web-app.md'])('the example of %s runs', (document) => {
  writeFileSync(join(project, 'example.mjs'), program(document, 'ts'));
  expect(run(process.execPath, 'example.mjs')).not.toBe('');
});

test('an exported module and its example run', () => {
  run('node_modules/.bin/unspool', 'export', 'model.safetensors', '--to', 'module', '--out', 'moby-dick.js');
  const check = 'console.log(output.length === model.tokens && output.every(Number.isFinite));';
  writeFileSync(join(project, 'example.mjs'), program('docs/web-app.md', 'js') + check);
  expect(run(process.execPath, 'example.mjs')).toBe('true\n');
});

test('Deno and Bun compute the same as Node', () => {
  const node = JSON.parse(run(process.execPath, 'infer.mjs')) as number[];
  const deno = run(join(BIN, 'deno'), 'run', '--allow-read', '--no-lock', '--node-modules-dir=manual', 'infer.mjs');
  for (const printed of [deno, run(join(BIN, 'bun'), 'infer.mjs')]) {
    const values = JSON.parse(printed) as number[];
    expect(Math.max(...node.map((value, i) => Math.abs(value - values[i]!)))).toBeLessThan(1e-6);
  }
});

/** Bundlers of the command line. The Studio is built with the same Vite. */
const VITE = `
import { build } from ${JSON.stringify(join(ROOT, 'node_modules/vite/dist/node/index.js'))};
const lib = { entry: 'infer.mjs', formats: ['es'], fileName: 'infer' };
const options = { lib, outDir: 'vite', minify: true, rollupOptions: { external: /^node:/ } };
await build({ configFile: false, logLevel: 'error', root: ${JSON.stringify(project)}, build: options });`;

test('bundled with esbuild and Vite, a program computes the same, from 7 KB gzipped', () => {
  const expected = run(process.execPath, 'infer.mjs');
  const flags = ['--bundle', '--minify', '--format=esm', '--platform=node', '--log-level=error'];
  run(join(BIN, 'esbuild'), 'infer.mjs', ...flags, '--outfile=esbuild.mjs');
  writeFileSync(join(project, 'vite.mjs'), VITE);
  run(process.execPath, 'vite.mjs');
  for (const file of ['esbuild.mjs', 'vite/infer.js']) {
    expect(run(process.execPath, file)).toBe(expected);
    expect(gzipSync(readFileSync(join(project, file)), { level: 9 }).length).toBeLessThan(7 * 1024);
  }
});

// Node 20.19, 22.12 and newer load ES modules with require.
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const testRequire = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? test : test.skip;
testRequire('require() of CommonJS loads every entry that runs in Node', () => {
  const entries = ['unspool', 'unspool/node', 'unspool/infer', 'unspool/infer/simd', 'unspool/interop', 'unspool/lab'];
  writeFileSync(
    join(project, 'require.cjs'),
    `console.log(JSON.stringify(${JSON.stringify(entries)}.filter((name) => Object.keys(require(name)).length === 0)));`,
  );
  expect(run(process.execPath, 'require.cjs')).toBe('[]\n');
});
