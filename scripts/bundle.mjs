/**
 * Bundles src/ into the entry files of package.json, with shared code in dist/chunks/. Node needs about half a millisecond to
 * import a file, and src/ has more than 150; bundling cuts the time until a new process has done its first update by a third
 * (`npm run bench -- start`). `ndarray` and `seedrandom` are bundled, too, with their licenses in dist/licenses.txt. The types
 * come from tsc. The code is not minified.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** cli/lab/run and cli/tune/run load a worker from their own folder. */
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
  'distributed/index',
  'tasks/index',
  'tune/index',
  'cli/main',
  'cli/lab/run',
  'cli/lab/worker',
  'cli/tune/run',
  'cli/tune/worker',
];
/**
 * Six chunks are made on purpose; the others follow from what the entries share. A bundler takes from a chunk what a page uses.
 * `core` is what a page loads that creates, trains and streams a model: these files and all that they import. In several chunks,
 * the same code would be 2 KB larger after compression, because what a page loads on demand shares a different part of the code
 * with each of them. `views` is what shows a trace without the core, and `base` is what both use: a page that only shows what a
 * worker computed does not load the core. `commands` is what the command line loads before it runs a command: Node takes half a
 * millisecond for each file. `tables` has what its help shows of other parts, and how files of each format begin: pages load it,
 * too. `files` reads and locks files without the engine.
 */
const BASE = ['checks', 'contract/constants', 'optim/names'];
const CLI = 'cli/main';
const FILES = ['node/read', 'node/lock'];
const CORE = ['core/model', 'core/build', 'kernels/select', 'train/trainer', 'optim/public-common', 'optim/adam'];
/** Optional packages, loaded on demand if they are installed. */
const OPTIONAL = ['@observablehq/plot', 'linkedom', '@resvg/resvg-js', 'hyparquet'];

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

/** The modules of a chunk, by path. */
const base = new Set();
const core = new Set();
const views = new Set();
const cli = new Set();
const files = new Set();
const isFormats = (id) => /[\\/]src[\\/]interop[\\/]content\.ts$/.test(id);
const isCommand = (id) => /[\\/]src[\\/]cli[\\/]/.test(id);
const findChunks = {
  name: 'chunks',
  buildEnd() {
    const importsOf = (id) => this.getModuleInfo(id)?.importedIds ?? [];
    const add = (chunk, id) => {
      if (chunk.has(id)) return;
      chunk.add(id);
      for (const next of importsOf(id)) add(chunk, next);
    };
    const path = (name) => join(process.cwd(), `src/${name}.ts`);
    for (const name of BASE) add(base, path(name));
    for (const name of CORE) add(core, path(name));
    for (const name of FILES) add(files, path(name));
    add(cli, path(CLI));
    cli.delete(path(CLI));
    const reached = new Map([...core].map((id) => [id, !base.has(id)]));
    const reachesCore = (id) => {
      if (!reached.has(id)) {
        reached.set(id, false); // until the imports are known: an import cycle ends here
        reached.set(id, importsOf(id).some(reachesCore));
      }
      return reached.get(id);
    };
    for (const id of this.getModuleIds())
      if (id.startsWith(path('inspect/').slice(0, -3)) && !reachesCore(id)) views.add(id);
  },
};

const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])),
  platform: 'neutral',
  external: [/^node:/, ...OPTIONAL],
  plugins: [seedrandomModule, findChunks],
  resolve: { mainFields: ['module', 'main'], extensionAlias: { '.js': ['.ts', '.js'] } },
  treeshake: { moduleSideEffects: false },
});
const { output } = await bundle.write({
  dir: 'dist',
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  sourcemap: process.argv.includes('--sourcemap'),
  codeSplitting: {
    groups: [
      { name: 'base', priority: 3, test: (id) => base.has(id) },
      { name: 'views', priority: 1, test: (id) => views.has(id) },
      { name: 'core', priority: 1, test: (id) => core.has(id) },
      { name: 'files', priority: 1, test: (id) => files.has(id) },
      { name: 'tables', priority: 2, test: (id) => isFormats(id) || (cli.has(id) && !isCommand(id)) },
      { name: 'commands', test: (id) => cli.has(id) && isCommand(id) },
    ],
  },
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
