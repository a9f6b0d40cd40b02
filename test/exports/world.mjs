/** Fixtures of the property test: small models, batches and what calls return. They are made again after every few calls. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const valueSpec = () => ({
  seed: 3,
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: 2 },
  ],
});
export const tokenSpec = () => ({
  seed: 4,
  layers: [
    { kind: 'embedding', size: 5, width: 2, name: 'letters' },
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: 5 },
  ],
});
const EVERY_SETTING = readFileSync(new URL('../support/every-setting.json', import.meta.url), 'utf8');
/** A spec that uses every setting. */
export const richSpec = () => JSON.parse(EVERY_SETTING);

const ramp = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i + 1));
export const T = 3;
export const N = 2;
export const valueBatch = () => ({ steps: T, batchSize: N, inputs: ramp(T * N * 2), targets: ramp(T * N * 2) });
export const tokenBatch = () => ({
  ...{ steps: T, batchSize: N, inputs: Int32Array.of(0, 1, 2, 3, 4, 0), targets: Int32Array.of(1, 2, 3, 4, 0, 1) },
  ...{ weights: [1, 1, 1, 0.5, 1, 0], lengths: [3, 2], batchFirst: true },
});
export const oneBatch = () => ({ steps: T, batchSize: 1, inputs: ramp(T * 2), targets: ramp(T * 2) });
export const source = (batch = valueBatch) => ({ stateful: false, length: 2, batch: () => batch() });
export const text = 'to be or not to be, that is the question. '.repeat(8);

/** What lasts as long as the process. */
const lasting = { folder: null, worker: null };

export async function createWorld(entries) {
  const { main, lab, inspect, worker } = entries;
  const kernels = await main.selectKernels();
  const create = (spec) => main.createModel(spec, { kernels, lengths: true });
  const [model, tokens, other] = [await create(valueSpec()), await create(tokenSpec()), await create(valueSpec())];
  const { tape, gradients } = await model.gradients(valueBatch());
  const wanted = {};
  /** Makes a fixture at its first use. */
  const once = (name, make) => (wanted[name] ??= make());
  const w = {
    ...{ entries, main, lab, inspect, worker, kernels, model, tokens, other, tape, gradients, once },
    create,
    layout: model.parameters.layout,
    rng: () => main.createRng(1, 'world'),
    get folder() {
      lasting.folder ??= mkdtempSync(join(tmpdir(), 'unspool-exports-'));
      return lasting.folder;
    },
    get system() {
      return once('system', () => lab.modelSystem(model));
    },
    get cells() {
      return once('cells', () => lab.cellSystem(lab.rnnCell(2, 3), lab.squaredErrorReadout(3, 2), cellWeights()));
    },
    get trace() {
      return once('trace', () => inspect.trace(model, valueBatch()));
    },
    get file() {
      return once('file', () => main.serializeModel(tokens, { vocabulary: new main.Vocabulary([...'abcde']) }));
    },
    get workerModel() {
      lasting.worker ??= worker.createModelInWorker(valueSpec());
      return lasting.worker;
    },
    /** The worker's model was lost or disposed of. */
    forgetWorker() {
      lasting.worker?.then((lost) => lost.dispose()).catch(() => {});
      lasting.worker = null;
    },
    pool: () => [
      model,
      tokens,
      other,
      tape,
      gradients,
      kernels,
      model.parameters,
      model.parameters.layout,
      ...Object.values(wanted),
      valueBatch(),
      valueSpec(),
      source(),
    ],
    dispose() {
      for (const one of [model, tokens, other]) quietly(() => one.dispose());
      quietly(() => kernels.dispose());
    },
  };
  return w;
}

export function quietly(act) {
  try {
    act();
  } catch {
    // already disposed of by a call
  }
}

export async function closeWorld() {
  if (lasting.worker) await lasting.worker.then((model) => model.dispose()).catch(() => {});
  if (lasting.folder) rmSync(lasting.folder, { recursive: true, force: true });
}

export const cellWeights = () => ramp(26).map((v) => v / 3);
export const sequence = () => Array.from({ length: 4 }, (_, t) => ({ input: [t / 4, 0.5], target: [0.1, t / 8] }));
