/**
 * Bundles src/ into the entry files of package.json, with shared code in dist/chunks/. Node needs about half a millisecond to
 * import a file, and src/ has more than 150; bundling cuts the time until a new process has done its first update by a third
 * (`npm run bench -- start`). `ndarray` and `seedrandom` are bundled, too, with their licenses in dist/licenses.txt. The types
 * come from tsc. The code is not minified.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

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
 * What a page loads that creates, trains and streams a model: these files and all that they import are one chunk. A bundler takes
 * from it what the page uses. In several chunks, the same code would be 2 KB larger after compression, because what a page loads on
 * demand shares a different part of the code with each of them.
 */
const CORE = ['core/model', 'core/build', 'kernels/select', 'train/trainer', 'optim/public-common', 'optim/adam'];
/** Optional packages, loaded on demand if they are installed. */
const OPTIONAL = ['@observablehq/plot', 'linkedom', '@resvg/resvg-js'];

/**
 * seedrandom as an ES module, so that a page needs no helpers for CommonJS. It loads Node's crypto, which takes 10 ms, to create
 * random seeds; Unspool always passes a seed.
 */
const seedrandomModule = {
  name: 'seedrandom',
  transform: {
    filter: { id: /[\\/]seedrandom[\\/]seedrandom\.js$/ },
    handler: (code) => `const module = { exports: {} };
const require = () => ({});
${code}
export default module.exports;`,
  },
};

/** The modules of the core chunk, by path. */
const core = new Set();
const findCore = {
  name: 'core',
  buildEnd() {
    const add = (id) => {
      const module = core.has(id) ? null : this.getModuleInfo(id);
      if (!module) return;
      core.add(id);
      module.importedIds.forEach(add);
    };
    for (const name of CORE) add(join(process.cwd(), `src/${name}.ts`));
  },
};

const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])),
  platform: 'neutral',
  external: [/^node:/, ...OPTIONAL],
  plugins: [seedrandomModule, findCore],
  resolve: { mainFields: ['module', 'main'], extensionAlias: { '.js': ['.ts', '.js'] } },
  treeshake: { moduleSideEffects: false },
});
const { output } = await bundle.write({
  dir: 'dist',
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  sourcemap: process.argv.includes('--sourcemap'),
  codeSplitting: { groups: [{ name: 'core', test: (id) => core.has(id) }] },
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
  output.flatMap(({ moduleIds = [] }) => moduleIds.flatMap((id) => /node_modules[\\/]([^\\/]+)/.exec(id)?.[1] ?? [])),
);
const rule = `\n${'-'.repeat(80)}\n\n`;
const head = `The files in this folder contain code of these packages:\n${rule}`;
writeFileSync('dist/licenses.txt', head + [...packages].sort().map(license).join(rule));
