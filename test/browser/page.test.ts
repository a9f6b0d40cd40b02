/**
 * The package in a real Chromium, as a bundler packs it: in a plain page, in one that is cross-origin isolated (threads), and
 * under a content-security policy that allows no more than WebAssembly. Needs Debian's chromium; skipped where it is not.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const ROOT = join(__dirname, '..', '..');
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const STRICT = { 'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };
const PAGES: Record<string, Record<string, string>> = {
  plain: {},
  isolated: ISOLATED,
  strict: STRICT,
  'strict and isolated': { ...STRICT, ...ISOLATED },
};

if (!existsSync(CHROMIUM)) console.warn(`The browser tests are skipped: there is no ${CHROMIUM}.`);
const maybe = existsSync(CHROMIUM) ? describe : describe.skip;

/** esbuild runs as a program of its own: its API does not work inside jest's sandbox. */
function bundle(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-page-'));
  const out = join(folder, 'out.js');
  const esbuild = join(ROOT, 'node_modules', '.bin', 'esbuild');
  const flags = ['--bundle', '--minify', '--format=esm', `--outfile=${out}`, '--log-level=error'];
  try {
    execFileSync(esbuild, [join(__dirname, 'entry.js'), ...flags], { cwd: ROOT });
    return readFileSync(out, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function serve(script: string): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const headers = PAGES[decodeURIComponent(url.split('/')[1]!)] ?? {};
    const isScript = url.endsWith('.js');
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html', ...headers });
    response.end(isScript ? script : '<!doctype html><title>test</title><script type="module" src="out.js"></script>');
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

maybe('in Chromium', () => {
  let script: string;
  let server: Server;
  let browser: Browser;
  const problems: string[] = [];

  beforeAll(async () => {
    script = bundle();
    server = await serve(script);
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const open = async (kind: string): Promise<Page> => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(`${kind}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon'))
        problems.push(`${kind}: ${message.text()}`);
    });
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${encodeURIComponent(kind)}/`);
    await page.waitForFunction('window.ready');
    return page;
  };
  const train = (page: Page, backend: string): Promise<Trained> => page.evaluate(`window.train('${backend}')`);

  test.each(Object.keys(PAGES))('%s page: trains on wasm as on the reference, and saves and loads', async (kind) => {
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

  test('a plain page can look at the tape', async () => {
    const page = await open('plain');
    const [f, df] = (await page.evaluate('window.look()')) as [number, number];
    expect(f).toBeGreaterThan(0.5); // the forget gate's bias starts at 1
    expect(Number.isFinite(df) && df !== 0).toBe(true);
    await page.close();
  });

  test('the bundle, engine and WebAssembly, is small', () => {
    expect(gzipSync(script, { level: 9 }).length).toBeLessThan(40 * 1024);
  });
});
