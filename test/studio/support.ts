/** The Studio's static page, built once for a test file, served from this machine, and a Chromium to open it in. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const ROOT = join(__dirname, '..', '..');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.txt': 'text/plain',
  '.csv': 'text/csv',
  '.woff2': 'font/woff2',
};

if (!existsSync(CHROMIUM)) console.warn(`The Studio's tests are skipped: there is no ${CHROMIUM}.`);
export const maybe = existsSync(CHROMIUM) ? describe : describe.skip;

export interface Studio {
  /** Ends with a slash. */
  readonly url: string;
  /** Opens a page of the Studio, and waits until a room is there. `init` runs in it before everything else. */
  open(query?: string, options?: BrowserContextOptions, init?: () => void): Promise<Opened>;
  /** Bytes of all that was served since the last call, each file gzipped, data left out. */
  served(): number;
}

export interface Opened {
  readonly page: Page;
  /** Errors and warnings of the console, and what was thrown. */
  readonly troubles: string[];
}

function serve(folder: string, seen: Set<string>): Promise<Server> {
  const server = createServer(({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://local').pathname);
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    seen.add(file);
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** To be called at the top of a test file. */
export function studio(): Studio {
  const seen = new Set<string>();
  let [folder, url] = ['', ''];
  let server: Server | null = null;
  let browser: Browser | null = null;
  beforeAll(async () => {
    if (!existsSync(CHROMIUM)) return;
    folder = mkdtempSync(join(tmpdir(), 'unspool-studio-'));
    const vite = join(ROOT, 'node_modules', '.bin', 'vite');
    execFileSync(vite, ['build', 'studio', '--outDir', folder, '--logLevel', 'error'], { cwd: ROOT });
    server = await serve(folder, seen);
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const flags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await chromium.launch({ executablePath: CHROMIUM, args: flags });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    if (folder) rmSync(folder, { recursive: true });
  });
  return {
    get url() {
      return url;
    },
    async open(query = '', options = {}, init) {
      const page = await browser!.newPage(options);
      if (init) await page.addInitScript(init);
      const troubles: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
      });
      page.on('pageerror', (error) => troubles.push(error.message));
      await page.goto(url + query);
      await page.locator('.stage .main, .diagram, .maps canvas, .tour, [role=alert]').first().waitFor();
      return { page, troubles };
    },
    served() {
      const data = new Set(readdirSync(join(ROOT, 'data')));
      const files = [...seen].filter((file) => !data.has(file.split('/').at(-1)!));
      seen.clear();
      return files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
    },
  };
}

/** Until something is set up, and nothing runs. */
export async function ready(page: Page): Promise<void> {
  await page.locator('.stage .main:not([disabled])').waitFor();
}

/** The number in an attribute. */
export const numberOf = async (page: Page, selector: string, attribute: string): Promise<number> =>
  Number(await page.locator(selector).first().getAttribute(attribute));
