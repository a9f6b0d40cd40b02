/**
 * Packs src/ into the few files of dist/ that package.json names, with what they share in dist/chunks/. Node takes about half a
 * millisecond for every file that it imports, and there are some 150: packed, the first training step of a fresh process is done
 * in two thirds of the time (`npm run bench -- start`). `ndarray` and `seedrandom` are packed along for the same reason, with
 * their licenses in dist/licenses.txt; the types come from tsc, file by file. Nothing is minified: it stays readable.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** The last two stand where the one looks for the other. */
const ENTRIES = [
  'index',
  'node/index',
  'worker/index',
  'worker/entry',
  'lab/index',
  'inspect/index',
  'gpu/index',
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
});

/** The license of a package, from its own file or from the comment that its code begins with. */
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
  if (!/permission|copyright/i.test(text)) throw new Error(`No license was found in ${folder}.`);
  return `${name} ${version}\n\n${text.trim()}\n`;
}

const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/([^/]+)/.exec(path)?.[1] ?? []),
);
const rule = `\n${'-'.repeat(80)}\n\n`;
const head = `The files beside this one contain code of these packages:\n${rule}`;
writeFileSync('dist/licenses.txt', head + [...packages].sort().map(license).join(rule));
