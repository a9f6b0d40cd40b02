/** Builds the Studio once for all test files, serves it locally, and opens it in Chromium. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll } from '@jest/globals';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { CHROMIUM } from '../support/machine.js';

export const ROOT = join(__dirname, '..', '..');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.txt': 'text/plain',
  '.csv': 'text/csv',
  '.woff2': 'font/woff2',
};

export interface Studio {
  /** Ends with a slash. */
  readonly url: string;
  /**
   * Opens the Studio and waits until a view is shown. Every call uses the same page, which keeps the files that it has loaded: a
   * new one takes two seconds longer. So a test does not close it, and the page of an earlier call is gone.
   */
  open(query?: string, look?: Look): Promise<Opened>;
  /** The same in a new page that has loaded nothing. `init` runs in it before its scripts. */
  openNew(query?: string, init?: () => void): Promise<Opened>;
  /** Gzipped bytes of all files that were served since the last call, without data files. */
  served(): number;
}

export interface Look {
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
}

export interface Opened {
  readonly page: Page;
  /** Errors and warnings of the console, and uncaught errors. */
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
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'cache-control': 'max-age=3600' });
    response.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** A hash of what the build reads: the files of folders, and the versions of packages. */
function inputsOf(folders: readonly string[]): string {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  for (const folder of folders) {
    const files = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((file) => !file.startsWith(join(ROOT, 'studio/dist')) && !file.includes('node_modules'));
    for (const file of files.sort()) hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The folder of the built Studio, which a test file of the same sources may have built before. */
function built(): string {
  const folder = join(ROOT, 'runs', `studio-${inputsOf(['studio', 'dist', 'data'])}`);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(join(ROOT, 'runs/building-'));
  const vite = join(ROOT, 'node_modules', '.bin', 'vite');
  execFileSync(vite, ['build', 'studio', '--outDir', fresh, '--logLevel', 'error'], { cwd: ROOT });
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith('studio-') && join(ROOT, 'runs', name) !== folder)
      rmSync(join(ROOT, 'runs', name), { recursive: true });
  }
  try {
    renameSync(fresh, folder);
  } catch {
    rmSync(fresh, { recursive: true }); // another test file has built it meanwhile
  }
  return folder;
}

/** Shows a URL in a page and waits until a view is shown. */
async function show(page: Page, url: string): Promise<Opened> {
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(error.message));
  await page.goto(url);
  await page.locator('.training .main, .diagram, .maps canvas, .tour, [role=alert]').first().waitFor();
  return { page, troubles };
}

/** Ends what a page does, and what listens to it. */
async function leave(page: Page): Promise<void> {
  await page.goto('about:blank');
  for (const event of ['console', 'pageerror'] as const) page.removeAllListeners(event);
}

/** Call this at the top of a test file. */
export function studio(): Studio {
  const seen = new Set<string>();
  let url = '';
  let server: Server | null = null;
  let browser: Browser | null = null;
  let shared: Page | null = null;
  let fresh: BrowserContext | null = null;
  const leaveAll = async () => {
    if (shared) await leave(shared);
    await fresh?.close();
    fresh = null;
  };
  beforeAll(async () => {
    if (!CHROMIUM) return;
    server = await serve(built(), seen);
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const flags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await launchChromium({ args: flags });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });
  return {
    get url() {
      return url;
    },
    async open(query = '', { colorScheme = 'light', viewport = { width: 1280, height: 720 } } = {}) {
      await leaveAll();
      shared ??= await browser!.newPage();
      await shared.emulateMedia({ colorScheme });
      await shared.setViewportSize(viewport);
      return show(shared, url + query);
    },
    async openNew(query = '', init) {
      await leaveAll();
      fresh = await browser!.newContext();
      if (init) await fresh.addInitScript(init);
      return show(await fresh.newPage(), url + query);
    },
    served() {
      const data = new Set(readdirSync(join(ROOT, 'data')));
      const files = [...seen].filter((file) => !data.has(file.split('/').at(-1)!));
      seen.clear();
      return files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
    },
  };
}

/** Waits until a model is set up and nothing runs. */
export async function ready(page: Page): Promise<void> {
  await page.locator('.training .main:not([disabled])').waitFor();
}

/** Makes one update, after which there are `count`. Returns the loss. */
export async function oneUpdate(page: Page, count = 1): Promise<number> {
  await page.getByRole('button', { name: 'One update' }).click();
  await page.locator('[data-testid=update]', { hasText: new RegExp(`^${count}$`) }).waitFor();
  return Number(await page.getByTestId('loss').textContent());
}

/** Shows a view, or a part of it such as `tour/3`. */
export async function showView(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
}

export const errorBanner = (page: Page): Locator => page.getByRole('alert');

/** The number in an attribute of the first element that matches. */
export const numberOf = async (page: Page, selector: string, attribute: string): Promise<number> =>
  Number(await page.locator(selector).first().getAttribute(attribute));
