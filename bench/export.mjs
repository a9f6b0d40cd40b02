/**
 * Weights as float32, float16 and int8, in unspool/infer: size, time of a streamed step, memory, and loss on text that the training
 * did not see, for two models of characters.
 *   npm run bench -- export [--novel FILE] [--names FILE]
 * --novel, --names  trained models; without them, they are trained first, which takes some minutes
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { parseModel } from '../dist/index.js';
import { loadModel as loadPlain } from '../dist/infer/index.js';
import { loadModel as loadSimd } from '../dist/infer/simd.js';
import { toModule } from '../dist/interop/index.js';
import { machine, table, three } from './measure.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const MODELS = {
  novel: { text: 'data/moby-dick.txt', settings: ['--config', join(root, 'examples/moby-dick.json')] },
  names: {
    text: 'data/female-names.txt',
    settings: ['--hidden-size', '64', '--epochs', '20', '--batch-size', '8', '--lr', '0.005'],
  },
};
const WEIGHTS = ['float32', 'float16', 'int8'];

/** The end of a text, which training leaves for validation, or the last 5,000 characters of it. */
function validationText(name) {
  const text = readFileSync(join(root, MODELS[name].text), 'utf8');
  return text.slice(-Math.min(5000, Math.floor(text.length / 10)));
}

function train(name, folder) {
  const out = join(folder, `${name}.safetensors`);
  console.error(`training the ${name} model ...`);
  const { text: file, settings } = MODELS[name];
  execFileSync(process.execPath, [
    join(root, 'dist/cli/main.js'),
    'train',
    join(root, file),
    ...settings,
    '--out',
    out,
    '--quiet',
  ]);
  return out;
}

/** The model in the module's file, as unspool/infer reads it. */
const bytesOf = (code) => Buffer.from(/unspool\.load\('([^']*)'\)/.exec(code)[1], 'base64');

/** Mean loss of a character in nats. */
function lossOf(model, characters) {
  const token = new Map(model.characters.map((character, i) => [character, i]));
  const tokens = [...characters].map((character) => token.get(character));
  const state = model.initialState();
  let sum = 0;
  for (let t = 0; t + 1 < tokens.length; t++) {
    const logits = model.step(state, [tokens[t]]);
    const most = logits.reduce((a, b) => Math.max(a, b));
    sum += most - logits[tokens[t + 1]] + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - most), 0));
  }
  return sum / (tokens.length - 1);
}

/** A model in SIMD WebAssembly, and the bytes of its memory. */
function withMemory(bytes) {
  const { Memory } = WebAssembly;
  let memory;
  WebAssembly.Memory = class extends Memory {
    constructor(...args) {
      super(...args);
      memory = this;
    }
  };
  const model = loadSimd(bytes);
  WebAssembly.Memory = Memory;
  model.step(model.initialState(), [0]);
  return { model, memory: memory.buffer.byteLength };
}

/** Microseconds of a call of each function: the fastest of 300 short rounds, because other programs use the machine too. */
function fastest(calls) {
  const best = Object.fromEntries(Object.keys(calls).map((name) => [name, Number.POSITIVE_INFINITY]));
  for (let round = 0; round < 300; round++) {
    for (const [name, call] of Object.entries(calls)) {
      const start = performance.now();
      for (let i = 0; i < 20; i++) call();
      best[name] = Math.min(best[name], ((performance.now() - start) / 20) * 1000);
    }
  }
  return best;
}

const KB = (bytes) => (bytes / 1000).toFixed(0);

async function rowsOf(name, file) {
  const parsed = await parseModel(readFileSync(file));
  const held = validationText(name);
  const models = WEIGHTS.map((weights) => {
    const bytes = bytesOf(toModule(parsed, { weights }).code);
    return { weights, bytes, plain: loadPlain(bytes), ...withMemory(bytes) };
  });
  const steps = models.flatMap(({ weights, plain, model }) =>
    Object.entries({ plain, simd: model }).map(([kind, used]) => {
      const state = used.initialState();
      return [`${weights} ${kind}`, () => used.step(state, [1])];
    }),
  );
  const times = fastest(Object.fromEntries(steps));
  const full = lossOf(models[0].plain, held);
  const us = (key) => three(times[key]);
  const more = (loss) => (loss > full - 5e-5 ? '+' : '') + (loss - full).toFixed(4).replace('-0.0000', '0.0000');
  return models.map(({ weights, bytes, plain, model, memory }) => [
    ...[name, weights, KB(bytes.length), KB(gzipSync(bytes, { level: 9 }).length), KB(memory)],
    ...[us(`${weights} plain`), us(`${weights} simd`)],
    ...(weights === 'float32'
      ? [full.toFixed(4), full.toFixed(4)]
      : [more(lossOf(plain, held)), more(lossOf(model, held))]),
  ]);
}

export async function run(args) {
  const options = { novel: { type: 'string' }, names: { type: 'string' } };
  const { values } = parseArgs({ args, options });
  const folder = mkdtempSync(join(tmpdir(), 'unspool-export-'));
  try {
    const rows = [];
    for (const name of Object.keys(MODELS)) {
      rows.push(...(await rowsOf(name, values[name] ?? train(name, folder))));
    }
    console.log(`\nOne step of one sequence, the fastest of 300 rounds; loss in nats per character (${machine()})\n`);
    const head = [
      'model',
      'weights',
      'file, KB',
      'gzipped, KB',
      'memory, KB',
      'step, us',
      'SIMD step, us',
      'loss',
      'SIMD loss',
    ];
    console.log(table(head, rows));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
