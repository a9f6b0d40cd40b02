/**
 * The Studio in Chromium, from a local static server: time to first paint, bytes sent, and frames per second while scrubbing through
 * the unrolled network and while training. Needs /usr/bin/chromium (Debian's package).
 *   npm run bench -- studio
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { median } from './statistics.mjs';

const CHROMIUM = '/usr/bin/chromium';
/** Types of the files that are counted; data files have other types. */
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2' };
const VIEWS = ['train', 'unroll', 'inspect', 'tour'];
const LOADS = 7;
const RUNS = 5;
/** Two layers of 64 units over 100 time steps. */
const LARGE = '?preset=novel&layers=2&units=64&steps=100&batchSize=8#unroll';
const FRAMES = 150;
const VIEWPORT = { width: 1280, height: 900 };

/** Serves a folder. `sent` holds the gzipped size of each file that was sent, by its path. */
async function serve(folder) {
  const sent = new Map();
  const server = createServer(({ url }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://local').pathname);
    const file = join(folder, path === '/' ? 'index.html' : path);
    if (!existsSync(file)) return response.writeHead(404).end();
    const content = readFileSync(file);
    const type = TYPES[extname(file)];
    const body = type ? gzipSync(content) : content;
    if (type) sent.set(path, body.length);
    const headers = { 'content-type': type ?? 'text/plain', ...(type ? { 'content-encoding': 'gzip' } : {}) };
    response.writeHead(200, headers).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, sent, url: `http://127.0.0.1:${server.address().port}/` };
}

/** Milliseconds to the first contentful paint, without a cache. */
async function firstPaint(browser, url) {
  const page = await browser.newPage();
  await page.goto(url);
  await page.locator('.training').waitFor();
  const ms = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  await page.close();
  return ms;
}

/** Kilobytes that are sent for the first view, and for all views. */
async function size(browser, url, sent) {
  sent.clear();
  const page = await browser.newPage();
  await page.goto(url);
  await page.locator('.training .main:not([disabled])').waitFor();
  const sum = () => [...sent.values()].reduce((a, b) => a + b, 0) / 1024;
  const first = sum();
  for (const view of VIEWS) {
    await page.evaluate((name) => {
      location.hash = name;
    }, view);
    await page.waitForTimeout(800);
  }
  await page.close();
  return { first, all: sum() };
}

/** Frames per second, and the longest frame in milliseconds. With `scrubs`, the slider of the walk moves at every frame. */
async function frames(page, scrubs) {
  const times = await page.evaluate(
    async ([count, moves]) => {
      const slider = moves ? document.querySelector('.scrub') : null;
      const durations = [];
      let last = await new Promise(requestAnimationFrame);
      for (let n = 0; n < count; n++) {
        if (slider) {
          slider.value = String(Math.round((Number(slider.max) * n) / count));
          slider.dispatchEvent(new Event('input', { bubbles: true }));
        }
        const now = await new Promise(requestAnimationFrame);
        durations.push(now - last);
        last = now;
      }
      return durations;
    },
    [FRAMES, scrubs],
  );
  return { perSecond: (1000 * times.length) / times.reduce((a, b) => a + b, 0), longest: Math.max(...times) };
}

async function scrub(browser, url) {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(url + LARGE);
  await page.locator('.diagram').waitFor();
  await page.waitForTimeout(500);
  const result = await frames(page, true);
  await page.close();
  return result;
}

/** Frames while the worker trains at maximum speed. */
async function train(browser, url) {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(`${url}?preset=novel&layers=2&units=64`);
  await page.locator('.training .main:not([disabled])').click();
  await page.locator('[data-testid=update]:not(:text-is("0"))').waitFor();
  const result = await frames(page, false);
  await page.close();
  return result;
}

async function repeat(count, measure) {
  const results = [];
  for (let n = 0; n < count; n++) results.push(await measure());
  return results;
}

function frameLine(title, results) {
  const [perSecond, longest] = ['perSecond', 'longest'].map((key) => median(results.map((result) => result[key])));
  const spread = `median of ${results.length}; longest frame ${longest.toFixed(0)} ms`;
  return `${title.padEnd(19)} ${perSecond.toFixed(0)} frames per second (${spread})`;
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-studio-'));
  execFileSync('node_modules/.bin/vite', ['build', 'studio', '--outDir', folder, '--logLevel', 'error']);
  const { server, sent, url } = await serve(folder);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const paints = await repeat(LOADS, () => firstPaint(browser, url));
    const { first, all } = await size(browser, url, sent);
    const spread = `median of ${LOADS}; maximum ${Math.max(...paints).toFixed(0)}`;
    console.log(`first paint         ${median(paints).toFixed(0)} ms (${spread})`);
    console.log(
      `sent, gzipped       ${first.toFixed(0)} KB for the first view, ${all.toFixed(0)} KB for all, without data`,
    );
    console.log(frameLine('scrubbing 2x64x100', await repeat(RUNS, () => scrub(browser, url))));
    console.log(frameLine('while training', await repeat(RUNS, () => train(browser, url))));
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
