/**
 * `npm run bench -- gpu [--only W1,G1] [--rounds 3] [--steps 5]`: times training updates in one headless Chromium: Unspool's
 * GPU modes and its wasm backend, and TensorFlow.js. Losses are compared before times are printed. TensorFlow.js comes from
 * `npm ci --ignore-scripts --prefix bench/peers`. Without it, only Unspool is timed, and a message says so.
 *
 * `npm run bench -- gpu --pack FOLDER`: copies what a machine with a GPU and no network needs to run the same in Node.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { pack } from './gpu/pack.mjs';
import { flops, sizes, WORKLOADS } from './peers/workloads.mjs';
import { median } from './statistics.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';

/** W1 and W2 are those of the other benchmarks. G1 is between them. */
const SHAPES = {
  W1: WORKLOADS.W1,
  G1: { kind: 'train', I: 32, hidden: [128], O: 16, B: 32, T: 32, loss: 'meanSquaredError' },
  W2: WORKLOADS.W2,
};

const OURS = [
  ['unspool', 'wasm'],
  ['unspool', 'gpu:webgl2'],
  ['unspool', 'gpu:webgpu'],
];
const THEIRS = [
  ['tfjs', 'webgl'],
  ['tfjs', 'webgpu'],
];

export async function run(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: Object.keys(SHAPES).join() },
      rounds: { type: 'string', default: '3' },
      steps: { type: 'string', default: '5' },
      pack: { type: 'string' },
    },
  });
  if (values.pack) return pack(values.pack);
  const peers = ['tfjs', 'tfjs-backend-webgpu'].every((name) =>
    existsSync(join(HERE, 'peers/node_modules/@tensorflow', name)),
  );
  if (!peers)
    console.log('TensorFlow.js is not installed (npm ci --ignore-scripts --prefix bench/peers): timing Unspool only.');
  const script = await bundle(peers);
  const server = createServer(({ url }, response) => {
    const isScript = url === '/page.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : '<!doctype html><script type="module" src="page.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const flags = ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-unsafe-swiftshader'];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: flags });
  try {
    for (const name of values.only.split(',')) {
      await shape(browser, url, name, peers ? [...OURS, ...THEIRS] : OURS, Number(values.rounds), Number(values.steps));
    }
  } finally {
    await browser.close();
    server.close();
  }
}

/** The page's script, without the adapter of TensorFlow.js if it is not installed. */
async function bundle(peers) {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-bench-'));
  const outfile = join(folder, 'page.js');
  const without = {
    name: 'without-peers',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /adapters\/tfjs/ }, () => ({ path: 'tfjs', namespace: 'none' }));
      onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'export const create = null;' }));
    },
  };
  try {
    await build({
      entryPoints: [join(HERE, 'gpu/page.mjs')],
      bundle: true,
      format: 'esm',
      outfile,
      logLevel: 'error',
      external: ['@tensorflow/tfjs-backend-wasm'],
      plugins: peers ? [] : [without],
    });
    return readFileSync(outfile, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Times the engines in turn, each time in a new page, so that they share nothing. */
async function shape(browser, url, name, engines, rounds, steps) {
  const workload = SHAPES[name];
  console.log(`\n${name}: ${sizes(workload)}, ${(flops(workload) / 1e6).toFixed(1)} MFLOP an update`);
  console.log('engine                  first ms update ms   GFLOP/s   dispatches  uploads  reads an update');
  let expected = null;
  const all = engines.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [engine, backend]] of engines.entries()) {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForFunction('globalThis.ready');
      const found = await page.evaluate(
        ([...what]) => globalThis.measure(...what),
        [engine, { backend }, workload, steps],
      );
      await page.close();
      expected ??= found.losses;
      found.losses.forEach((loss, n) => {
        const error = Math.abs(loss - expected[n]) / Math.max(Math.abs(expected[n]), 1e-6);
        if (!(error < 1e-3)) throw new Error(`${engine} ${backend}: loss ${n} is ${loss}, not ${expected[n]}`);
      });
      all[i].push(found);
    }
  }
  for (const [i, [engine, backend]] of engines.entries()) {
    const [{ counts, executor }] = all[i];
    const step = median(all[i].flatMap(({ times }) => times));
    const row = [median(all[i].map(({ first }) => first)), step].map((ms) => ms.toFixed(1).padStart(9));
    const rate = (flops(workload) / step / 1e6).toFixed(2).padStart(9);
    const each = Object.values(counts).map((v) => String(v ?? '-').padStart(9));
    console.log(`${`${engine} ${backend}`.padEnd(23)}${row.join(' ')} ${rate} ${each.join('')}  ${executor}`);
  }
}
