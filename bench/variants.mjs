/**
 * A training step of each LSTM variant, next to one of the plain LSTM, on the wasm backend with one thread.
 *   npm run bench -- variants [--rounds N] [--only NAMES] [--from FOLDER]
 * "per product": the variant's time over that of the plain LSTM, divided by the same ratio of multiply-adds in matrix products. A
 * variant that costs nothing else has 1. On Node 24 and newer, V8's wider vectors are used (`revectorize`). `--from` measures the
 * build of another checkout.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { interleaved, machine, table, three } from './measure.mjs';

const [I, H, B, T, O] = [64, 128, 32, 64, 16];
const CLASSES = 30;

/** `layer`: options of the LSTM; `batch`: changes of the batch; `products`: multiply-adds over those of the plain LSTM. */
const VARIANTS = {
  plain: {},
  'layer norm': { layer: { cell: { layerNorm: true } } },
  peepholes: { layer: { cell: { peepholes: true } } },
  'coupled gates': { layer: { cell: { gates: 'coupled' } } },
  'no input gate': { layer: { cell: { gates: 'noInput' } } },
  'no forget gate': { layer: { cell: { gates: 'noForget' } } },
  'no output gate': { layer: { cell: { gates: 'noOutput' } } },
  'full gate recurrence': { layer: { cell: { gateRecurrence: true } }, products: (13 * H + 4 * I) / (4 * H + 4 * I) },
  'no input activation': { layer: { cell: { activations: { candidate: 'identity' } } } },
  'no output activation': { layer: { cell: { activations: { output: 'identity' } } } },
  'hard sigmoid': { layer: { cell: { activations: { gate: 'hardSigmoid' } } } },
  zoneout: { layer: { zoneout: 0.1 } },
  'recurrent dropout': { layer: { recurrentDropout: 0.3 } },
  DropConnect: { layer: { dropConnect: 0.3 } },
  lengths: { lengths: true },
  CTC: { outputs: CLASSES, loss: 'ctc' },
};

const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(0.7 * i));

function batchOf({ outputs = O, lengths, loss }) {
  const batch = { steps: T, batchSize: B, inputs: wave(T * B * I) };
  if (loss === 'ctc')
    return { ...batch, targets: Int32Array.from({ length: (B * T) / 4 }, (_, i) => 1 + (i % (CLASSES - 1))) };
  const targets = wave(T * B * outputs);
  if (!lengths) return { ...batch, targets };
  return { ...batch, targets, lengths: Int32Array.from({ length: B }, (_, n) => 1 + ((37 * n) % T)) };
}

async function trainStep({ createModel, fit, adam }, variant) {
  const layers = [
    { kind: 'lstm', hiddenSize: H, ...variant.layer },
    { kind: 'linear', size: variant.outputs ?? O },
  ];
  const model = await createModel({ inputSize: I, layers }, { backend: 'wasm', threads: 1 });
  const batch = batchOf(variant);
  const data = { train: { stateful: false, length: 1e9, batch: () => batch } };
  const options = { optimizer: adam(), ...(variant.loss && { loss: variant.loss }) };
  const events = fit(model, data, options)[Symbol.asyncIterator]();
  return async () => (await events.next()).value.loss;
}

const products = ({ outputs = O, products: ratio = 1 }) => ratio * 4 * H * (I + H) + H * outputs;

export async function run(args) {
  const options = { rounds: { type: 'string', default: '9' }, only: { type: 'string' }, from: { type: 'string' } };
  const { values } = parseArgs({ args, options });
  const names = values.only ? ['plain', ...values.only.split(',')] : Object.keys(VARIANTS);
  const unknown = names.find((name) => !Object.hasOwn(VARIANTS, name));
  if (unknown) throw new Error(`unknown variant "${unknown}". Use ${Object.keys(VARIANTS).join(', ')}.`);
  const dist = values.from ? pathToFileURL(`${values.from}/dist/`) : new URL('../dist/', import.meta.url);
  const unspool = await import(new URL('index.js', dist));
  const isFused = await (await import(new URL('node/index.js', dist))).revectorize();
  const steps = {};
  for (const name of names) steps[name] = await trainStep(unspool, VARIANTS[name]);
  const times = await interleaved(steps, { rounds: Number(values.rounds) });
  const rows = names.map((name) => {
    const share = products(VARIANTS[name]) / products(VARIANTS.plain);
    const ratio = (kind) => (times[name][kind] / times.plain[kind] / share).toFixed(2);
    return [name, three(times[name].ms), three(times[name].min), ratio('ms'), ratio('min')];
  });
  console.log(
    `\nTraining steps, I=${I} H=${H} B=${B} T=${T}, wasm${isFused ? ', fused vectors' : ''} (${machine()})\n`,
  );
  console.log(table(['variant', 'ms', 'least ms', 'per product', 'of least'], rows));
}
