/**
 * The largest error of every activation and of the functions in the losses, by backend, in units in the last place (ulp) of
 * float32: the distance of neighboring float32 numbers at the exact value.
 *   npm run bench -- accuracy [--backends wasm-simd,gpu:cpu] [--count 65536] [--all tanh,sigmoid]
 * The sample has numbers of every exponent, denormal numbers, infinities, and the neighbors of numbers where an implementation
 * changes. In shaders, where denormal numbers may be 0, results below 2^-124 count only if they are larger. `--all`: these functions at all 2^32 float32 numbers, which takes minutes each. A backend that this machine
 * does not have is left out. `gpu:webgl2` and `gpu:webgpu in Chromium` need Chromium.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { machine, table } from './measure.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SOURCE = `
export { accuracy, WITHOUT_DENORMALS } from './test/support/accuracy.ts';
export { createReference } from './src/kernels/reference/index.ts';
export { createWasm, wasmVariant } from './src/kernels/wasm/index.ts';
export { offerRevec } from './src/kernels/wasm/trial.ts';
export { createGpu } from './src/kernels/gpu/index.ts';`;
const PAGE = `import * as gpuJs from 'gpu.js';
import { accuracy, WITHOUT_DENORMALS } from './test/support/accuracy.ts';
import { createGpu } from './src/kernels/gpu/index.ts';
window.GPU = gpuJs;
window.measure = async (mode, count) => accuracy(await createGpu(mode), { count, smallest: WITHOUT_DENORMALS });`;

const bundle = (contents, outdir, platform) =>
  build({
    stdin: { contents, resolveDir: ROOT, sourcefile: 'accuracy.ts', loader: 'ts' },
    ...{ bundle: true, splitting: true, format: 'esm', platform, outdir, logLevel: 'error' },
    ...{ outExtension: { '.js': '.mjs' }, external: platform === 'node' ? ['gpu.js', 'webgpu'] : [] },
  });

/** The backends that run in this process, by name. */
async function inProcess(folder) {
  await bundle(SOURCE, folder, 'node');
  const { accuracy, WITHOUT_DENORMALS, createReference, createWasm, wasmVariant, offerRevec, createGpu } = await import(
    pathToFileURL(join(folder, 'stdin.mjs'))
  );
  offerRevec();
  globalThis.GPU = (await import('gpu.js')).default;
  const { create, globals } = await import('webgpu');
  for (const [name, value] of Object.entries(globals)) globalThis[name] ??= value;
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) }, configurable: true });
  const kernels = {
    reference: () => createReference('float32'),
    'reference float64': () => createReference('float64'),
    ...Object.fromEntries(
      (wasmVariant() === 'relaxed' ? ['simd', 'relaxed', 'revec'] : ['simd']).map((v) => [
        `wasm-${v}`,
        () => createWasm(v),
      ]),
    ),
    ...Object.fromEntries(['cpu', 'webasm', 'webgpu'].map((mode) => [`gpu:${mode}`, () => createGpu(mode)])),
  };
  const measure = (name, make) => async (options) => {
    const k = await make();
    if (k.device) console.log(`${name}: ${k.device.adapter}`);
    const errors = await accuracy(k, { ...options, smallest: k.variant === 'webgpu' ? WITHOUT_DENORMALS : 0 });
    k.dispose();
    return errors;
  };
  return Object.fromEntries(Object.entries(kernels).map(([name, make]) => [name, measure(name, make)]));
}

/** The GPU modes in a page in Chromium, by name. */
function inPage(folder, mode) {
  return async ({ count }) => {
    await bundle(PAGE, folder, 'browser');
    const { readFileSync } = await import('node:fs');
    const { chromium } = await import('playwright-core');
    const server = createServer(({ url }, response) => {
      const isScript = url.endsWith('.mjs');
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
      response.end(
        isScript ? readFileSync(join(folder, url)) : '<!doctype html><script type="module" src="stdin.mjs"></script>',
      );
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const args = ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-unsafe-swiftshader'];
    const browser = await chromium.launch({ executablePath: CHROMIUM, args });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await page.waitForFunction('window.measure');
      return await page.evaluate(`window.measure('${mode}', ${count})`);
    } finally {
      await browser.close();
      server.close();
    }
  };
}

/** An error with two digits. */
const shown = (error) => (error === undefined ? '' : Number.isFinite(error) ? error.toFixed(2) : String(error));

export async function run(args) {
  const { values } = parseArgs({
    args,
    options: { backends: { type: 'string' }, count: { type: 'string', default: '65536' }, all: { type: 'string' } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'unspool-accuracy-'));
  const options = { count: Number(values.count), ...(values.all && { all: values.all.split(',') }) };
  try {
    const backends = await inProcess(join(folder, 'node'));
    if (existsSync(CHROMIUM) && !values.all) {
      for (const mode of ['webgl2', 'webgpu']) backends[`gpu:${mode} in Chromium`] = inPage(join(folder, mode), mode);
    }
    const chosen = values.backends?.split(',') ?? Object.keys(backends);
    const columns = {};
    for (const name of chosen) {
      try {
        columns[name] = await backends[name](options);
      } catch (error) {
        console.log(`${name} is left out: ${error.message}`);
      }
    }
    const names = Object.values(columns)[0].map(({ name }) => name);
    const rows = names.map((name, i) => [name, ...Object.values(columns).map((errors) => shown(errors[i].ulp))]);
    console.log(`\nLargest errors in ulp (${machine()})\n`);
    console.log(table(['function', ...Object.keys(columns)], rows));
    for (const [name, errors] of Object.entries(columns)) {
      for (const { name: what, ulp, at, found, exact } of errors) {
        if (!(ulp <= 4)) console.log(`${name}, ${what}: ${ulp} ulp at ${at}: ${found} instead of ${exact}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
