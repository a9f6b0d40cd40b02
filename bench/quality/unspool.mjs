/**
 * Trains with Unspool: `node unspool.mjs '{"settings":{...},"options":{...}}'`. For each command, it makes some updates, validates, and
 * sends the results. Commands arrive on standard input, answers go to file descriptor 3. ../python/quality.py does the same with
 * PyTorch.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { adam, createModel, evaluate, fit } from '../../dist/index.js';
import { revectorize } from '../../dist/node/index.js';
import { modelSpec, readText } from './model.mjs';

const { settings, options } = JSON.parse(process.argv[2]);
const send = (message) => writeSync(3, `${JSON.stringify(message)}\n`);

async function main() {
  const { fused = false, ...backend } = options;
  if (fused && !(await revectorize())) throw new Error('this engine does not fuse vectors, or is not faster with it');
  const { size, validation, inOrder } = readText(settings);
  const model = await createModel(modelSpec(settings, size), backend);
  const { learningRate, decay, clip } = settings;
  const schedule = (update) => decay ** Math.floor((update - 1) / inOrder.length);
  const plan = { optimizer: adam({ learningRate }), clipNorm: clip, schedule, epochs: Number.MAX_SAFE_INTEGER };
  const events = fit(model, { train: inOrder }, plan)[Symbol.asyncIterator]();
  const bits = async () => (await evaluate(model, validation)) / Math.LN2;
  send({ parameters: model.size, updatesPerEpoch: inOrder.length, bits: await bits() });
  for await (const line of createInterface({ input: process.stdin })) {
    const start = performance.now();
    let loss = 0;
    for (let left = JSON.parse(line).updates; left > 0; ) {
      const { value } = await events.next();
      if (value.kind !== 'update') continue;
      loss = value.loss;
      left--;
    }
    const seconds = (performance.now() - start) / 1000;
    send({ seconds, loss, bits: await bits(), threads: model.kernels.threads });
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  send({ error: String(error?.message ?? error) });
  process.exit(1);
}
