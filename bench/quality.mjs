/**
 * Time to quality: validation loss in bits per character over training time, for Unspool and PyTorch, with the same model, settings,
 * first weights and batches. The engines run in separate processes and take turns, a quarter of an epoch each, so that other load on
 * the machine affects both. Validation time is not counted.
 *   npm run bench -- quality [--minutes M | --epochs E] [--engines unspool-24-2t,pytorch] [--dropout P] [--hidden H] [--out NAME]
 * `pytorch` is the fastest of PyTorch's settings of threads (torch, torch-2t, torch-2t-active) in a trial of a few updates.
 * Minutes (default 20) and epochs are per engine. Prints a table and writes bench/results/NAME.md, .json and .svg.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, table, three } from './measure.mjs';
import { Channel } from './peers/channel.mjs';
import { ENGINES } from './peers/engines.mjs';
import { torchSettings } from './peers/environment.mjs';
import { installPeers, runtime } from './peers/runtimes.mjs';
import { SETTINGS, startFile } from './quality/model.mjs';
import { progress, write, writeChart } from './results.mjs';
import { median } from './statistics.mjs';

const OPTIONS = {
  minutes: { type: 'string' },
  epochs: { type: 'string' },
  engines: { type: 'string', default: 'unspool-24-2t,pytorch' },
  dropout: { type: 'string', default: String(SETTINGS.dropout) },
  hidden: { type: 'string', default: String(SETTINGS.hidden) },
  out: { type: 'string' },
};
const MINUTES = 20;
const TURNS_PER_EPOCH = 4;
/** The trial of PyTorch's settings: the least time of `updates` in `rounds` interleaved rounds counts. */
const TRIAL = { rounds: 4, updates: 5 };
const TIMEOUT_MS = 30 * 60_000;
/** Before the first update all engines have the same weights and text, so their validation losses must agree. */
const START_TOLERANCE = 1e-4;
/** Bits per character to reach. The n-gram models are described in data/README.md. */
const GOALS = [
  { bits: 2.5 },
  { bits: 2.196, name: '5-gram' },
  { bits: 2.151, name: 'best n-gram' },
  { bits: 2.0 },
  { bits: 1.9 },
];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const trains = ({ adapter, options }) => adapter === 'torch' || (adapter === 'unspool' && options.backend === 'wasm');

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number greater than 0, got ${text}.`);
  return value;
}

function parsed(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const { minutes, epochs, dropout, hidden } = values;
  if (minutes && epochs) throw new Error('--minutes cannot be combined with --epochs.');
  const engines = values.engines.split(',').map((id) => {
    const alternatives = ENGINES.filter((e) => (id === 'pytorch' ? e.adapter === 'torch' : e.id === id && trains(e)));
    if (alternatives.length === 0)
      throw new Error(
        `engine "${id}" is not supported. Use pytorch, ${ENGINES.filter(trains)
          .map(({ id }) => id)
          .join(', ')}.`,
      );
    return alternatives;
  });
  const settings = { ...SETTINGS, dropout: Number(dropout), hidden: positive('hidden', hidden) };
  if (!(settings.dropout >= 0 && settings.dropout < 1))
    throw new Error(`--dropout must be at least 0 and less than 1, got ${dropout}.`);
  const whole = !epochs && !minutes && settings.dropout === SETTINGS.dropout && settings.hidden === SETTINGS.hidden;
  return {
    engines,
    settings,
    seconds: epochs ? Number.POSITIVE_INFINITY : 60 * positive('minutes', minutes ?? MINUTES),
    epochs: epochs ? positive('epochs', epochs) : Number.POSITIVE_INFINITY,
    out: values.out ?? (whole ? 'quality' : 'quality-part'),
  };
}

function open({ runtime: name, options }, settings, start) {
  const { command } = runtime(name);
  if (name === 'python') {
    const task = { settings, threads: options.threads, start };
    return new Channel(command, [here('python/quality.py'), JSON.stringify(task)], torchSettings(options));
  }
  return new Channel(command, [here('quality/unspool.mjs'), JSON.stringify({ settings, options })]);
}

/** The engine that makes its updates in the least time, of several settings of one library. */
async function fastest(alternatives, settings, start) {
  if (alternatives.length === 1) return alternatives[0];
  const seconds = new Map(alternatives.map((engine) => [engine, Number.POSITIVE_INFINITY]));
  const entered = [];
  try {
    for (const engine of alternatives) entered.push(await enter(engine, settings, start));
    for (let round = 0; round < TRIAL.rounds; round++) {
      for (const { engine, channel } of entered) {
        channel.send({ updates: TRIAL.updates, validate: false });
        const answer = await channel.answer(TIMEOUT_MS);
        seconds.set(engine, Math.min(seconds.get(engine), answer.seconds));
      }
    }
  } finally {
    for (const { channel } of entered) await channel.close();
  }
  for (const [{ label }, time] of seconds)
    console.log(`${label}: ${three((1000 * time) / TRIAL.updates)} ms per update`);
  return alternatives.reduce((best, engine) => (seconds.get(engine) < seconds.get(best) ? engine : best));
}

/** Starts an engine. Returns its process and its curve. */
async function enter(engine, settings, start) {
  const channel = open(engine, settings, start);
  const { parameters, updatesPerEpoch, bits } = await channel.answer(TIMEOUT_MS);
  return { engine, channel, parameters, updatesPerEpoch, curve: [{ updates: 0, seconds: 0, bits }] };
}

function requireSameStart(contestants) {
  const [first, ...others] = contestants.map(({ engine, parameters, updatesPerEpoch, curve: [{ bits }] }) => ({
    label: engine.label,
    parameters,
    updatesPerEpoch,
    bits,
  }));
  for (const other of others) {
    const same = other.parameters === first.parameters && other.updatesPerEpoch === first.updatesPerEpoch;
    if (same && Math.abs(other.bits - first.bits) < START_TOLERANCE) continue;
    throw new Error(`the engines do not start with the same model: ${JSON.stringify(first)}, ${JSON.stringify(other)}`);
  }
}

/** Trains for the next quarter of an epoch. */
async function advance(contestant) {
  const { engine, channel, curve, updatesPerEpoch } = contestant;
  const { updates, seconds } = curve.at(-1);
  const slice = Math.ceil(updatesPerEpoch / TURNS_PER_EPOCH);
  const next = Math.min(slice, updatesPerEpoch - (updates % updatesPerEpoch));
  channel.send({ updates: next });
  const answer = await channel.answer(TIMEOUT_MS);
  const point = { updates: updates + next, bits: answer.bits, seconds: seconds + answer.seconds, loss: answer.loss };
  curve.push(point);
  const epoch = (point.updates / updatesPerEpoch).toFixed(2);
  console.log(
    `${engine.label}: epoch ${epoch}, ${point.seconds.toFixed(0)} s, ${point.bits.toFixed(4)} bits per character`,
  );
}

const reached = (curve, bits) => curve.find((point) => point.bits <= bits)?.seconds;

function report(contestants) {
  const goals = GOALS.map(({ bits, name }) => `min to ${bits}${name ? ` (${name})` : ''}`);
  const rows = contestants.map(({ engine, curve, updatesPerEpoch }) => {
    const perUpdate = curve
      .slice(1)
      .map((p, i) => (1000 * (p.seconds - curve[i].seconds)) / (p.updates - curve[i].updates));
    const best = Math.min(...curve.map(({ bits }) => bits));
    const { updates, seconds } = curve.at(-1);
    const times = GOALS.map(({ bits }) => reached(curve, bits)).map((s) => (s === undefined ? '-' : three(s / 60)));
    return [
      engine.label,
      (updates / updatesPerEpoch).toFixed(1),
      three(seconds / 60),
      three(median(perUpdate)),
      best.toFixed(3),
      ...times,
    ];
  });
  return table(['', 'epochs', 'min', 'ms per update', 'best bits', ...goals], rows);
}

/** The engines take turns until each has used its time or its epochs. */
async function race(contestants, { seconds, epochs }, save) {
  const runs = ({ curve, updatesPerEpoch }) => {
    const last = curve.at(-1);
    return last.seconds < seconds && last.updates < epochs * updatesPerEpoch;
  };
  while (contestants.some(runs)) {
    for (const contestant of contestants.filter(runs)) await advance(contestant);
    save();
  }
}

export async function run(args) {
  const plan = parsed(args);
  const { engines, settings, out } = plan;
  installPeers();
  for (const engine of engines.flat()) {
    const { missing } = runtime(engine.runtime);
    if (missing) throw new Error(`${engine.label}: ${missing}.`);
  }
  const versions = [...new Set(engines.flat().map((engine) => runtime(engine.runtime).version))];
  const about = { when: new Date().toISOString(), machine: machine(), versions, load: os.loadavg(), settings };
  const folder = mkdtempSync(join(tmpdir(), 'unspool-bench-'));
  const contestants = [];
  try {
    const start = join(folder, 'start.safetensors');
    writeFileSync(start, await startFile(settings));
    for (const alternatives of engines) {
      const engine = await fastest(alternatives, settings, start);
      progress(`${engine.label} starts ...`);
      contestants.push(await enter(engine, settings, start));
    }
    progress('');
    requireSameStart(contestants);
    const curves = () =>
      contestants.map(({ engine: { id, label }, parameters, curve }) => ({ id, label, parameters, curve }));
    await race(contestants, plan, () => write(`${out}.json`, JSON.stringify({ ...about, curves: curves() }, null, 1)));
    const { hidden, dropout, batchSize, steps } = settings;
    const description = `one LSTM of ${hidden}, dropout ${dropout}, B=${batchSize}, T=${steps}, ${contestants[0].parameters} parameters`;
    const text = `Time to quality on Moby-Dick: ${description} (${about.machine}; ${about.when.slice(0, 10)}; ${versions.join('; ')})\n\n${report(contestants)}\n`;
    console.log(`\n${text}`);
    write(`${out}.md`, text);
    const { qualityChart } = await import('./peers/chart.mjs');
    await writeChart(`${out}.svg`, qualityChart(curves(), about));
  } finally {
    for (const { channel } of contestants) await channel.close();
    rmSync(folder, { recursive: true });
  }
}
