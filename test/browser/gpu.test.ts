/**
 * The GPU backend in Chromium: WebGL 2 and WebGPU, on the GPU or on Chromium's software driver. Skipped if Chromium is
 * not installed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { golden } from '../support/golden.js';
import { describeInChromium } from '../support/machine.js';

const ROOT = join(__dirname, '..', '..');

/** The page's script, with the conformance suite and gpu.js. */
function bundle(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-gpu-'));
  const out = join(folder, 'page.js');
  const noFiles = join(__dirname, 'no-files.js');
  const flags = ['--bundle', '--format=esm', '--log-level=error', `--outfile=${out}`, '--define:__dirname=""'];
  const alias = [`--alias:node:fs=${noFiles}`, `--alias:node:path=${noFiles}`];
  try {
    execFileSync(join(ROOT, 'node_modules', '.bin', 'esbuild'), [join(__dirname, 'gpu-page.ts'), ...flags, ...alias]);
    return readFileSync(out, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Session {
  readonly page: Page;
  readonly problems: string[];
  close(): Promise<void>;
}

/** Opens the page in a new browser. */
async function openSession(): Promise<Session> {
  const script = bundle();
  const server: Server = createServer(({ url }, response) => {
    const isScript = url === '/page.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : '<!doctype html><script type="module" src="page.js"></script>');
  });
  let browser: Browser | null = null;
  const close = async () => {
    await browser?.close();
    server.close();
  };
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const args = ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-unsafe-swiftshader'];
    browser = await launchChromium({ args });
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction('window.ready');
    return { page, problems, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function expectFaultsReported(page: Page, mode: string): Promise<void> {
  const [shader, shaderMessage] = (await page.evaluate(`window.withFault('${mode}', 'shader')`)) as [object, string];
  expect(shader).toMatchObject({ code: 'DEVICE_LOST' });
  expect(shaderMessage).toMatch(/refused a call: .+ make a new model/s);
  const [memory, message] = (await page.evaluate(`window.withFault('${mode}', 'memory')`)) as [object, string];
  expect(memory).toMatchObject({ code: 'OUT_OF_MEMORY', bytes: null });
  expect(message).toBe('out of memory. Lower the batch, the steps or hiddenSize, or use backend: wasm.');
}

describeInChromium.each(['webgl2', 'webgpu'])('%s in Chromium', (mode) => {
  let session: Session;

  beforeAll(async () => {
    session = await openSession();
  });
  afterAll(() => session?.close());

  test('opens the requested mode', async () => {
    const started = await session.page.evaluate(`window.start('${mode}')`);
    expect(started).toMatchObject({ name: 'gpu', variant: mode, mode, executor: 'single kernels' });
  });

  test('passes a part of the conformance suite, and products of every transposition', async () => {
    const { ran, failed } = (await session.page.evaluate('window.conformance(151)')) as {
      ran: number;
      failed: string[];
    };
    expect(failed).toEqual([]);
    expect(ran).toBeGreaterThan(40);
    // On webgpu, test/kernels/gpu-models.test.ts runs the same shaders for all shapes.
    const errors = (await session.page.evaluate(`window.productErrors(${mode === 'webgpu'})`)) as number[];
    expect(Math.max(...errors)).toBeLessThan(1e-5);
    const wide = (await session.page.evaluate('window.wideErrors()')) as Record<string, number>;
    expect(Object.keys(wide)).toHaveLength(12);
    expect(Object.entries(wide).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
  });

  test.each(['lstm-stacked', 'lstm-projected', 'cell-layer-norm'])('%s agrees with PyTorch', async (name) => {
    const errors = (await session.page.evaluate((g) => {
      return (globalThis as unknown as { golden(g: object): Promise<object> }).golden(g);
    }, golden(name))) as Record<string, number>;
    expect(Object.keys(errors).length).toBeGreaterThan(4);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
  });

  test('weights after 20 updates agree with the reference, and nothing stays on the device', async () => {
    expect(await session.page.evaluate('window.trainingError()')).toBeLessThan(1e-5);
    expect(((await session.page.evaluate('window.leftBehind()')) as number[])[0]).toBe(0);
    expect(await session.page.evaluate('window.executor()')).toEqual([
      mode === 'webgpu' ? 'fused-encoder' : 'single kernels',
      null,
    ]);
    expect(session.problems).toEqual([]);
  });

  test('a shader that does not compile, and missing memory, are UnspoolErrors', async () => {
    await expectFaultsReported(session.page, mode);
  });

  if (mode === 'webgl2') {
    test('reading from a lost context is an error, and does not return old numbers', async () => {
      const problem = await session.page.evaluate('window.loseContext()');
      expect(problem).toMatchObject({ code: 'DEVICE_LOST' });
    });
  }
});
