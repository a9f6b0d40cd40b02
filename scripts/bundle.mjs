/**
 * Bundles src/ into the entry files of package.json, with shared code in dist/chunks/. Node needs about half a millisecond to
 * import a file, and src/ has more than 150; bundling cuts the time until a new process has done its first update by a third
 * (`npm run bench -- start`). `ndarray` and `seedrandom` are bundled, too, with their licenses in dist/licenses.txt. The types
 * come from tsc. The code is not minified.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** cli/lab/run loads cli/lab/worker from its own folder. */
const ENTRIES = [
  'index',
  'node/index',
  'worker/index',
  'worker/entry',
  'lab/index',
  'inspect/index',
  'gpu/index',
  'infer/index',
  'infer/simd',
  'interop/index',
  'cli/main',
  'cli/lab/run',
  'cli/lab/worker',
];
/** Optional packages, loaded on demand if they are installed. */
const OPTIONAL = ['@observablehq/plot', 'linkedom', '@resvg/resvg-js'];

/** seedrandom loads Node's crypto, which takes 10 ms, to create random seeds. Unspool always passes a seed. */
const withoutCrypto = {
  name: 'without-crypto',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^crypto$/ }, () => ({ path: 'crypto', namespace: 'empty' }));
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
  },
};

const { metafile } = await build({
  entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
  outbase: 'src',
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  target: 'es2022',
  external: ['node:*', ...OPTIONAL],
  plugins: [withoutCrypto],
  metafile: true,
  sourcemap: process.argv.includes('--sourcemap'),
});

/** The license of a package, from its license file or from the first comment of its code. */
function license(name) {
  const folder = `node_modules/${name}`;
  const { version, main } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  let text;
  try {
    text = readFileSync(`${folder}/LICENSE`, 'utf8');
  } catch {
    const code = readFileSync(`${folder}/${name === 'seedrandom' ? 'seedrandom.js' : main}`, 'utf8');
    text = /^\/\*([\s\S]*?)\*\//.exec(code)?.[1] ?? '';
  }
  if (!/permission|copyright/i.test(text)) throw new Error(`${folder} has no license file and no license comment.`);
  return `${name} ${version}\n\n${text.trim()}\n`;
}

const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /(?:^|\/)node_modules\/([^/]+)/.exec(path)?.[1] ?? []),
);
const rule = `\n${'-'.repeat(80)}\n\n`;
const head = `The files in this folder contain code of these packages:\n${rule}`;
writeFileSync('dist/licenses.txt', head + [...packages].sort().map(license).join(rule));
