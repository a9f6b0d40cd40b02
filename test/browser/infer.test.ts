/**
 * unspool/infer and exported modules in Chromium: in a page, a worker, a service worker and an AudioWorklet, without a
 * content-security policy and under strict ones, and in browser extensions. Skipped without a Chromium.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { createModel } from '../../src/create.js';
import { loadModel } from '../../src/infer/index.js';
import { toModule } from '../../src/interop/exports/module.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { launchChromium, launchWithProfile } from '../support/chromium.js';
import { CHROMIUM, describeInChromium } from '../support/machine.js';

const ROOT = join(__dirname, '..', '..');
const SCRIPTS = ['infer-page', 'infer-worker', 'infer-worklet', 'infer-extension'];

/** The policies, and whether they allow WebAssembly. The last is the one of a browser extension (Manifest V3). */
const POLICIES: Readonly<Record<string, readonly [policy: string | null, wasm: boolean]>> = {
  none: [null, true],
  self: ["default-src 'self'; script-src 'self'", false],
  extension: ["script-src 'self' 'wasm-unsafe-eval'; object-src 'self'", true],
};

interface Computed {
  readonly infer: number[];
  readonly module: number[];
  readonly simd: number[] | string;
}

interface Everywhere {
  readonly page: Computed;
  readonly worker: Computed;
  readonly service: Computed;
  readonly audio: { readonly computed: Computed; readonly rendered: number[]; readonly expected: number[] };
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...b.map((value, i) => Math.abs(value - (a[i] ?? Number.NaN))));

/** A model file, and a module that contains it. */
async function modelFiles(): Promise<{ readonly bytes: Uint8Array; readonly code: string }> {
  const layers = [
    { kind: 'lstm', hiddenSize: 6, cell: { peepholes: true } },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'linear', size: 1 },
  ] as const;
  const model = await createModel({ inputSize: 1, layers }, { backend: 'reference' });
  const bytes = await serializeModel(model);
  model.dispose();
  return { bytes, code: toModule(await parseModel(bytes)).code };
}

/** The scripts by name, bundled as classic ones: an AudioWorklet and a worker take them, too. */
function bundle(bytes: Uint8Array, code: string): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-infer-page-'));
  try {
    writeFileSync(join(folder, 'module.js'), code);
    const list = `export { model as module } from './module.js';\nexport const bytes = Uint8Array.of(${bytes.join()});`;
    writeFileSync(join(folder, 'models.js'), list);
    const flags = [
      '--bundle',
      '--minify',
      '--format=iife',
      '--log-level=error',
      '--tsconfig-raw={}',
      `--outdir=${folder}/out`,
    ];
    const entries = SCRIPTS.map((name) => join(__dirname, `${name}.js`));
    const alias = `--alias:generated-models=${join(folder, 'models.js')}`;
    execFileSync(join(ROOT, 'node_modules/.bin/esbuild'), [...entries, ...flags, alias], { cwd: ROOT });
    return new Map(SCRIPTS.map((name) => [`${name}.js`, readFileSync(join(folder, 'out', `${name}.js`), 'utf8')]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `/POLICY/infer-page.html`, and the scripts beside it, with the header of that policy. */
function serve(scripts: ReadonlyMap<string, string>): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const policy = POLICIES[url.split('/')[1]!]?.[0];
    const script = scripts.get(basename(url));
    const type = script ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'content-type': type, ...(policy && { 'content-security-policy': policy }) });
    response.end(script ?? '<!doctype html><title>test</title><script src="infer-page.js"></script>');
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** A browser extension (Manifest V3) in a new folder. Its policy forbids WebAssembly unless it has one that allows it. */
function writeExtension(folder: string, script: string, wasm: boolean): string {
  const policy = { content_security_policy: { extension_pages: POLICIES.extension![0] } };
  const background = { service_worker: 'infer-extension.js' };
  const manifest = { manifest_version: 3, name: 'Test', version: '1', background, ...(wasm && policy) };
  mkdirSync(folder);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'infer-extension.js'), script);
  writeFileSync(
    join(folder, 'page.html'),
    '<!doctype html><title>test</title><script src="infer-extension.js"></script>',
  );
  return folder;
}

describeInChromium('unspool/infer in Chromium', () => {
  let server: Server;
  let script: string;
  let browser: Browser;
  let expected: number[];

  beforeAll(async () => {
    if (!CHROMIUM) return;
    const { bytes, code } = await modelFiles();
    const scripts = bundle(bytes, code);
    script = scripts.get('infer-extension.js')!;
    server = await serve(scripts);
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await launchChromium({ args });
    const { data } = loadModel(bytes).predict([0.5, -0.25, 0.75, 0.125]).output;
    expected = [...data, ...data];
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test.each(Object.entries(POLICIES))('policy %s: the same numbers on every thread', async (name, [, wasm]) => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}/infer-page.html`);
    await page.waitForFunction('window.ready');
    const { audio, ...rest } = (await page.evaluate('window.everywhere()')) as Everywhere;
    for (const { infer, module, simd } of [...Object.values(rest), audio.computed]) {
      expect(infer).toEqual(expected);
      expect(module).toEqual(expected);
      if (wasm)
        expect(distance(simd as number[], expected)).toBeLessThan(1e-6); // sums in another order
      else expect(simd).toBe('INVALID_SETTING');
    }
    expect(audio.rendered).toHaveLength(300);
    expect(audio.rendered).toEqual(audio.expected);
    await page.close();
  });

  test.each([
    ['the default policy', false],
    ['a policy that allows WebAssembly', true],
  ])('a loaded browser extension with %s', async (_, wasm) => {
    const folder = mkdtempSync(join(tmpdir(), 'unspool-extension-'));
    const extension = writeExtension(join(folder, 'extension'), script, wasm);
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      `--disable-extensions-except=${extension}`,
      `--load-extension=${extension}`,
    ];
    const context = await launchWithProfile(join(folder, 'profile'), { args });
    try {
      const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
      const page = await context.newPage();
      await page.goto(new URL('page.html', worker.url()).href);
      await page.waitForFunction('window.ready');
      const computed = (await page.evaluate('window.everywhere()')) as Pick<Everywhere, 'page' | 'service'>;
      for (const { infer, module, simd } of Object.values(computed)) {
        expect([infer, module]).toEqual([expected, expected]);
        if (wasm) expect(distance(simd as number[], expected)).toBeLessThan(1e-6);
        else expect(simd).toBe('INVALID_SETTING');
      }
    } finally {
      await context.close();
      rmSync(folder, { recursive: true });
    }
  });
});
