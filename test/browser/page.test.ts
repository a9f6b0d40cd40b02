/**
 * The bundled package in Chromium: in a plain page, in a cross-origin isolated one (threads), and under a content-security
 * policy that allows nothing but WebAssembly. Skipped without a Chromium.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { CHROMIUM, describeInChromium } from '../support/machine.js';

const ROOT = join(__dirname, '..', '..');
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const STRICT = { 'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };
const PAGES: Record<string, Record<string, string>> = {
  plain: {},
  isolated: ISOLATED,
  strict: STRICT,
  'strict and isolated': { ...STRICT, ...ISOLATED },
};

const WITHOUT_WASM = { 'Content-Security-Policy': "default-src 'self'; script-src 'self'" };

/** The scripts of pages and workers. A page runs the script of its name. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'entry.js': join(ROOT, 'dist/worker/entry.js'),
  ...Object.fromEntries(
    ['page.js', 'small.js', 'policy.js', 'worker-page.js', 'own-worker.js'].map((name) => [
      name,
      join(__dirname, name),
    ]),
  ),
};

/**
 * esbuild runs as a separate program, because its API does not work in jest's sandbox. It bundles dist/, as the bundler of a user
 * does: without the paths of tsconfig.json, which lead to src/.
 */
function bundle(): typeof SCRIPTS {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-page-'));
  const esbuild = join(ROOT, 'node_modules', '.bin', 'esbuild');
  const flags = ['--bundle', '--minify', '--format=esm', '--splitting', '--log-level=error', '--tsconfig-raw={}'];
  const build = ([name, file]: [string, string]): [string, string][] => {
    const out = join(folder, name);
    execFileSync(esbuild, [file, ...flags, `--outdir=${out}`], { cwd: ROOT });
    return readdirSync(out).map((part) => [part, readFileSync(join(out, part), 'utf8')]);
  };
  try {
    return Object.fromEntries(Object.entries(SCRIPTS).flatMap(build));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `/KIND/NAME.html` runs NAME.js, with the headers of that kind of page. */
function serve(scripts: typeof SCRIPTS): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const kind = decodeURIComponent(url.split('/')[1]!);
    const headers = kind === 'without wasm' ? WITHOUT_WASM : (PAGES[kind] ?? {});
    const name = basename(url, '.html');
    const script = scripts[name];
    response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html', ...headers });
    response.end(script ?? `<!doctype html><title>test</title><script type="module" src="${name}.js"></script>`);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

interface Trained {
  readonly losses: number[];
  readonly loss: number;
  readonly name: string;
  readonly variant: string | null;
  readonly threads: number;
}

interface Watched {
  readonly events: { readonly kind: string }[];
  /** How often a timer of the page fired. */
  readonly ticks: number;
}

interface Interrupted {
  readonly name: string;
  readonly paused: number;
  readonly still: number;
  readonly resumed: number;
  readonly end: { readonly update: number };
  readonly outputs: number;
  readonly threads: number;
}

let scripts: typeof SCRIPTS;
let server: Server;
let browser: Browser;
/** Has an empty page as long as it is open, so that its pages are tabs of one window: a window for each takes a second longer. */
let context: BrowserContext;
const problems: string[] = [];

beforeAll(async () => {
  if (!CHROMIUM) return;
  scripts = bundle();
  server = await serve(scripts);
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  browser = await launchChromium({ args });
  context = await browser.newContext();
  await context.newPage();
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** Opens a page of this kind, and waits until its script has loaded. */
async function open(kind: string, name = 'page'): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`${kind}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('favicon')) problems.push(`${kind}: ${message.text()}`);
  });
  const { port } = server.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/${encodeURIComponent(kind)}/${name}.html`);
  await page.waitForFunction('window.ready');
  return page;
}

const train = (page: Page, backend: string): Promise<Trained> => page.evaluate(`window.train('${backend}')`);

describeInChromium('in Chromium', () => {
  test.each(Object.keys(PAGES))('%s page: wasm trains like the reference backend, saves and loads', async (kind) => {
    const page = await open(kind);
    const wasm = await train(page, 'auto');
    const reference = await train(page, 'reference');
    expect(wasm.name).toBe('wasm');
    expect(reference.name).toBe('reference');
    expect(wasm.threads > 1).toBe(
      kind.includes('isolated') && (await page.evaluate('navigator.hardwareConcurrency')) !== 1,
    );
    expect(wasm.losses).toHaveLength(3);
    wasm.losses.forEach((loss, i) => {
      expect(Math.abs(loss - reference.losses[i]!)).toBeLessThan(1e-3);
    });
    expect(wasm.losses[2]!).toBeLessThan(1);
    expect(Math.abs(wasm.loss - reference.loss)).toBeLessThan(1e-3);
    await page.close();
    expect(problems).toEqual([]);
  });

  test('a plain page can read the tape', async () => {
    const page = await open('plain');
    const [f, df] = (await page.evaluate('window.look()')) as [number, number];
    expect(f).toBeGreaterThan(0.5); // the forget gate's bias starts at 1
    expect(Number.isFinite(df) && df !== 0).toBe(true);
    await page.close();
  });
});

describeInChromium('with a worker in Chromium', () => {
  test('training in a worker gives the same events and does not block the page', async () => {
    const page = await open('plain', 'worker-page');
    const { here, there } = (await page.evaluate('window.both()')) as Record<'here' | 'there', Watched>;
    expect(there.events).toEqual(here.events);
    const updates = here.events.filter(({ kind }) => kind === 'update').length;
    expect(updates).toBeGreaterThan(5);
    expect(there.ticks).toBeGreaterThan(4 * updates);
    expect(here.ticks).toBeLessThan(there.ticks); // an update on the page's thread blocks it
    await page.close();
    expect(problems).toEqual([]);
  });

  test.each(['plain', 'isolated', 'strict'])('%s page: pause, predict, resume and abort in a worker', async (kind) => {
    const page = await open(kind, 'worker-page');
    const { name, paused, still, resumed, end, outputs, threads } = (await page.evaluate(
      'window.interrupt()',
    )) as Interrupted;
    expect(name).toBe('wasm');
    expect(paused).toBeGreaterThanOrEqual(10);
    expect(still).toBe(paused);
    expect(resumed).toBeGreaterThan(paused);
    expect(end).toMatchObject({ kind: 'end', reason: 'aborted' });
    expect(end.update).toBeGreaterThanOrEqual(resumed);
    expect(outputs).toBeGreaterThan(0);
    expect(threads).toBe(kind === 'isolated' ? 2 : 1);
    await page.close();
    expect(problems).toEqual([]);
  });

  test('a page gets WORKER_LOST when its worker is terminated', async () => {
    const page = await open('plain', 'worker-page');
    expect(await page.evaluate('window.lose()')).toMatchObject({ code: 'WORKER_LOST' });
    await page.close();
    expect(problems).toEqual([]);
  });
});

interface Everything {
  readonly names: string[];
  readonly numbers: number[];
  readonly reasons: (string | null)[];
  readonly codes: string[];
}

describeInChromium('under a content-security policy', () => {
  const REASON = "the content-security policy forbids WebAssembly; it needs script-src 'wasm-unsafe-eval'.";
  test.each([
    ['strict', 'wasm', null, ['none', 'none', 'INVALID_SETTING']],
    ['without wasm', 'reference', REASON, ['INVALID_SETTING', 'INVALID_SETTING', 'INVALID_SETTING']],
  ] as const)('%s: everything works, with %s', async (kind, name, reason, codes) => {
    const page = await context.newPage(); // the browser itself reports the WebAssembly that it blocks
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${kind}/policy.html`);
    await page.waitForFunction('window.ready');
    const found = (await page.evaluate('window.everything()')) as Everything;
    expect(found.names).toEqual([name, name, name]);
    expect(found.numbers.filter((v) => !Number.isFinite(v))).toEqual([]);
    expect(found.numbers).toHaveLength(17);
    expect(found.reasons).toEqual([reason, reason]);
    expect(found.codes).toEqual(codes);
    await page.close();
  });
});

describeInChromium('a small page in Chromium', () => {
  test('trains and predicts, with less than 40 KB of code gzipped', async () => {
    const page = await open('plain', 'small');
    const loaded: string[] = [];
    page.on('request', (request) => loaded.push(basename(request.url())));
    await page.reload();
    await page.waitForFunction('window.ready');
    const { name, losses, next } = (await page.evaluate('window.train()')) as {
      readonly name: string;
      readonly losses: number[];
      readonly next: number;
    };
    expect(name).toBe('wasm');
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 10);
    expect(Number.isFinite(next)).toBe(true);
    const parts = loaded.filter((part) => part.endsWith('.js'));
    expect(parts).toContain('small.js');
    const bytes = parts.map((part) => gzipSync(scripts[part]!, { level: 9 }).length).reduce((a, b) => a + b);
    process.stdout.write(`a page that trains and predicts: ${bytes} bytes gzipped\n`);
    expect(bytes).toBeLessThan(40 * 1024);
    await page.close();
  });
});
