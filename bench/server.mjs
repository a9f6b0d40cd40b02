/**
 * examples/server under load: 1,000 clients, each with its own state, that send one token after the other.
 *   npm run bench -- server [--seconds 10] [--clients 1000] [--units 128]
 * npm installs autocannon in a temporary folder. It and the server share the cores.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createModel } from '../dist/index.js';
import { saveModel } from '../dist/node/index.js';
import { machine, table } from './measure.mjs';

const main = fileURLToPath(new URL('../examples/server/main.mjs', import.meta.url));
const TOKENS = 64;

/** Runs in the folder where autocannon is: prints one line of JSON. */
const LOAD = `
import autocannon from 'autocannon';
const [url, connections, duration] = process.argv.slice(2);
let clients = 0;
const setupClient = (client) => client.setBody(JSON.stringify({ client: clients++, inputs: [clients % ${TOKENS}] }));
const options = { url, connections: Number(connections), duration: Number(duration), method: 'POST', setupClient };
const { requests, latency, errors, timeouts, non2xx } = await autocannon(options);
console.log(JSON.stringify({ requests: requests.mean, latency, failed: errors + timeouts + non2xx }));`;

/** Starts the server; resolves with the process and its URL. */
function start(args) {
  const server = spawn(process.execPath, [main, ...args, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((done, fail) => {
    server.on('error', fail).on('exit', (code) => fail(new Error(`The server ended with ${code}.`)));
    server.stdout.on('data', (text) => done({ server, url: String(text).trim() }));
  });
}

const residentMB = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1000;

export async function run(args) {
  const options = Object.fromEntries(
    Object.entries({ seconds: '10', clients: '1000', units: '128' }).map(([name, value]) => [
      name,
      { type: 'string', default: value },
    ]),
  );
  const { values } = parseArgs({ args, options });
  const folder = mkdtempSync(join(tmpdir(), 'unspool-server-'));
  const rows = [];
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    writeFileSync(join(folder, 'load.mjs'), LOAD);
    const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', [...flags, 'autocannon@8.0.0'], { cwd: folder });
    const layers = [
      { kind: 'embedding', size: TOKENS, width: 32 },
      { kind: 'lstm', hiddenSize: Number(values.units) },
      { kind: 'linear', size: TOKENS },
    ];
    const file = join(folder, 'model.safetensors');
    await saveModel(file, await createModel({ layers }, { threads: 1 }));
    for (const [name, more] of Object.entries({ batches: [], 'one by one': ['--alone'] })) {
      const { server, url } = await start([file, ...more]);
      const before = residentMB(server.pid);
      const command = [process.execPath, 'load.mjs', url, values.clients, values.seconds];
      const printed = execFileSync(command[0], command.slice(1), { cwd: folder, encoding: 'utf8' });
      const { requests, latency, failed } = JSON.parse(printed);
      const memory = `${before.toFixed(0)} -> ${residentMB(server.pid).toFixed(0)}`;
      rows.push([name, requests.toFixed(0), latency.p50, latency.p99, latency.p99_9, latency.max, memory, failed]);
      server.removeAllListeners('exit').kill();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  console.log(`\n${values.clients} clients, ${values.units} units, ${values.seconds} seconds (${machine()})\n`);
  const head = ['computed', 'steps/s', 'p50, ms', 'p99', 'p99.9', 'slowest', 'memory before -> after, MB', 'failed'];
  console.log(table(head, rows));
}
