/**
 * The Studio in a Chromium, from a static server on this machine: how soon something is seen, how much is sent, and how many frames a
 * second are drawn while one scrubs through the unrolled network. Needs /usr/bin/chromium (Debian's package).
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
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2' };
const ROOMS = ['train', 'unroll', 'look', 'tour'];
const LOADS = 7;
/** Two layers of 64 units over 100 steps. */
const LARGE = '?preset=novel&layers=2&units=64&steps=100&batch=8#unroll';
const FRAMES = 150;

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-studio-'));
  execFileSync('node_modules/.bin/vite', ['build', 'studio', '--outDir', folder, '--logLevel', 'error']);
  const sent = new Map();
  const server = createServer(({ url }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://local').pathname);
    const file = join(folder, path === '/' ? 'index.html' : path);
    if (!existsSync(file)) return response.writeHead(404).end();
    const content = readFileSync(file);
    const type = TYPES[extname(file)];
    const body = type ? gzipSync(content) : content;
    if (type) sent.set(path, body.length); // data files have none of these types
    const headers = { 'content-type': type ?? 'text/plain', ...(type ? { 'content-encoding': 'gzip' } : {}) };
    response.writeHead(200, headers).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });

  /** Milliseconds to the first paint of content, in a browser that has nothing cached. */
  async function firstPaint() {
    const page = await browser.newPage();
    await page.goto(url);
    await page.locator('.stage').waitFor();
    const found = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
    await page.close();
    return found;
  }

  /** Kilobytes of all rooms, one after the other, and of the first alone. */
  async function weigh() {
    sent.clear();
    const page = await browser.newPage();
    await page.goto(url);
    await page.locator('.stage .main:not([disabled])').waitFor();
    const sum = () => [...sent.values()].reduce((a, b) => a + b, 0) / 1024;
    const first = sum();
    for (const room of ROOMS) {
      await page.evaluate((name) => {
        location.hash = name;
      }, room);
      await page.waitForTimeout(800);
    }
    await page.close();
    return { first, all: sum() };
  }

  /** Frames a second of a page, and its longest frame in milliseconds; `scrubs` moves the slider of the walk at every one. */
  async function frames(page, scrubs) {
    const times = await page.evaluate(
      async ([count, moves]) => {
        const slider = moves ? document.querySelector('.scrub') : null;
        const found = [];
        let last = await new Promise(requestAnimationFrame);
        for (let n = 0; n < count; n++) {
          if (slider) {
            slider.value = String(Math.round((Number(slider.max) * n) / count));
            slider.dispatchEvent(new Event('input', { bubbles: true }));
          }
          const now = await new Promise(requestAnimationFrame);
          found.push(now - last);
          last = now;
        }
        return found;
      },
      [FRAMES, scrubs],
    );
    return { perSecond: (1000 * times.length) / times.reduce((a, b) => a + b, 0), longest: Math.max(...times) };
  }

  /** While the slider of the walk is moved at every frame. */
  async function scrub() {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(url + LARGE);
    await page.locator('.diagram').waitFor();
    await page.waitForTimeout(500);
    const found = await frames(page, true);
    await page.close();
    return found;
  }

  /** While the worker trains as fast as it goes. */
  async function train() {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${url}?preset=novel&layers=2&units=64`);
    await page.locator('.stage .main:not([disabled])').click();
    await page.locator('[data-testid=step]:not(:text-is("0"))').waitFor();
    const found = await frames(page, false);
    await page.close();
    return found;
  }

  try {
    const paints = [];
    for (let n = 0; n < LOADS; n++) paints.push(await firstPaint());
    const { first, all } = await weigh();
    const scrubs = [];
    for (let n = 0; n < 5; n++) scrubs.push(await scrub());
    const trains = [];
    for (let n = 0; n < 5; n++) trains.push(await train());
    console.log(
      `first paint         ${median(paints).toFixed(0)} ms (median of ${LOADS}; ${Math.max(...paints).toFixed(0)} at most)`,
    );
    console.log(
      `sent, gzipped       ${first.toFixed(0)} KB for the first room, ${all.toFixed(0)} KB for all, without data`,
    );
    console.log(
      `scrubbing 2x64x100  ${median(scrubs.map((s) => s.perSecond)).toFixed(0)} frames a second (median of ${scrubs.length}; longest frame ${median(scrubs.map((s) => s.longest)).toFixed(0)} ms)`,
    );
    console.log(
      `while it trains     ${median(trains.map((s) => s.perSecond)).toFixed(0)} frames a second (median of ${trains.length}; longest frame ${median(trains.map((s) => s.longest)).toFixed(0)} ms)`,
    );
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
