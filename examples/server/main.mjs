/**
 * A server that streams: each client sends one token or row at a time, and the server keeps the state of its LSTMs.
 *   node examples/server/main.mjs MODEL [--port 8080] [--alone]
 *
 *   POST /          {"client": "a", "inputs": [3]}      -> {"output": [...]}, the output of the last step
 *   DELETE /a                                           forgets the client
 *
 * Requests that arrive together are computed as one batch, with the bits that each would get alone (`--alone`: without batches).
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { batching, loadModel } from 'unspool/node';

/** Clients whose state is kept; the one that was idle longest is forgotten first. */
const MAX_CLIENTS = 10_000;
const MAX_BYTES = 1 << 16;

const { values, positionals } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, alone: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const { model } = await loadModel(positionals[0], { threads: 1 });
const predict = batching(model, { mostRows: values.alone ? 1 : 256 });

/** The last request of each client: its result has the state. A request waits for the one before it. */
const clients = new Map();

function step(client, inputs) {
  const before = clients.get(client) ?? Promise.resolve();
  const now = before.then((last) => predict(inputs, last && { from: last.state }));
  clients.delete(client); // a Map keeps the order in which its keys were set
  clients.set(
    client,
    now.catch(() => before), // a request that fails leaves the state as it was
  );
  if (clients.size > MAX_CLIENTS) clients.delete(clients.keys().next().value);
  return now;
}

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BYTES) throw new SyntaxError('The request is too long.');
  }
  return JSON.parse(text);
}

async function answer(request, response) {
  if (request.method === 'DELETE') {
    clients.delete(decodeURIComponent(request.url.slice(1)));
    response.writeHead(204).end();
    return;
  }
  const { client, inputs } = await bodyOf(request);
  const { output } = await step(String(client), inputs);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ output: [...output.subarray(-model.outputSize)] }));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    const isOurs = error.name === 'UnspoolError' || error instanceof SyntaxError || error instanceof TypeError;
    response.writeHead(isOurs ? 400 : 500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: isOurs ? error.message : 'The server failed.' }));
  });
});
server.listen(Number(values.port), '127.0.0.1', 4096, () => console.log(`http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => server.close(() => model.dispose()).closeAllConnections());
