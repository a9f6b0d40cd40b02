/**
 * Bundles src/ into the entry files of package.json, with shared code in dist/chunks/. Node needs about half a millisecond to
 * import a file, and src/ has more than 150; bundling cuts the time until a new process has done its first update by a third
 * (`npm run bench -- start`). `ndarray` and `seedrandom` are bundled, too, with their licenses in dist/licenses.txt. The types
 * come from tsc. The code is not minified.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
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
/**
 * Parts of `index` that a page may use without the others. esbuild joins the files that the same entries reach into one chunk, and
 * a bundler takes a chunk as a whole. As entries, these parts keep what a page that creates and trains a model uses apart from what
 * it does not. They are not written.
 */
const PARTS = ['create', 'train/trainer', 'optim/public-common', 'interop/model-file'];
/** Optional packages, loaded on demand if they are installed. */
const OPTIONAL = ['@observablehq/plot', 'linkedom', '@resvg/resvg-js'];

/**
 * seedrandom as an ES module, so that a page needs no helpers for CommonJS. It loads Node's crypto, which takes 10 ms, to create
 * random seeds; Unspool always passes a seed.
 */
const seedrandomModule = {
  name: 'seedrandom',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]seedrandom[\\/]seedrandom\.js$/ }, ({ path }) => ({
      contents: `const module = { exports: {} };
const require = () => ({});
${readFileSync(path, 'utf8')}
export default module.exports;`,
    }));
  },
};

const { metafile, outputFiles } = await build({
  entryPoints: [...ENTRIES, ...PARTS].map((name) => `src/${name}.ts`),
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
  plugins: [seedrandomModule],
  metafile: true,
  sourcemap: process.argv.includes('--sourcemap'),
  write: false,
});

/**
 * esbuild keeps the order of side effects by imports without names. Nothing here has side effects when it is loaded, and a bundler
 * would take these imports as a use of the file. Their lines stay, for source maps.
 */
const withoutEmptyImports = (code) => code.replaceAll(/^import "\.[^"]*";$/gm, '');

for (const { path, text } of outputFiles) {
  if (PARTS.includes(relative('dist', path).replace(/\.js(\.map)?$/, ''))) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, withoutEmptyImports(text));
}

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
