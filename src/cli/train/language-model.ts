/** The model that `unspool train` trains. */
import { totalmem } from 'node:os';
import { invalidSetting } from '../../errors.js';
import { estimateMemory, type LayerSpec, type LstmSpec, type ModelSpec, UnspoolError } from '../../index.js';
import { grouped } from '../output.js';
import { fitOptionsOf } from './read-settings.js';
import type { TrainSettings } from './settings.js';

/**
 * Embedding, LSTM layers with dropout around them, and a linear layer over the vocabulary. Throws `INVALID_SETTING` if
 * training it would not fit in memory.
 */
export async function languageModelSpec(settings: TrainSettings, vocabularySize: number): Promise<ModelSpec> {
  const { seed, embeddingSize, layers, hiddenSize, dropout } = settings;
  const dropoutLayers: LayerSpec[] = dropout > 0 ? [{ kind: 'dropout', rate: dropout }] : [];
  const lstm: LstmSpec = { ...settings.lstm, kind: 'lstm', hiddenSize };
  const spec: ModelSpec = {
    seed,
    layers: [
      { kind: 'embedding', size: vocabularySize, width: embeddingSize },
      ...dropoutLayers,
      ...Array.from({ length: layers }, () => [lstm, ...dropoutLayers]).flat(),
      { kind: 'linear', size: vocabularySize },
    ],
  };
  await requireMemory(spec, settings);
  return spec;
}

const gib = (bytes: number): string => `${grouped(Math.ceil(bytes / 2 ** 30))} GiB`;

function tooLarge(bytes: number, limit: string): UnspoolError {
  return invalidSetting(
    'model',
    `needs at least ${gib(bytes)} of memory to train; ${limit}.`,
    'Lower --hidden-size, --layers, --embedding-size, --batch-size or --steps.',
  );
}

/** Throws `INVALID_SETTING` before anything is allocated, if the training needs more memory than the machine has. */
async function requireMemory(spec: ModelSpec, settings: TrainSettings): Promise<void> {
  const { steps, batchSize, precision } = settings;
  const { optimizer, average, earlyStopping } = await fitOptionsOf(settings);
  const watchers = { ...(average && { average }), ...(earlyStopping && { earlyStopping }) };
  try {
    const options = { precision, optimizer, ...watchers, limit: 0.8 * totalmem() };
    const { total, capacity } = await estimateMemory(spec, { steps, batchSize }, options);
    if (total > capacity) throw tooLarge(total, `WebAssembly can address ${gib(capacity)}`);
  } catch (error) {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'OUT_OF_MEMORY') throw error;
    const needed = (error.problem.bytes ?? 0) + (error.problem.inUse ?? 0);
    throw tooLarge(needed, `this machine has ${gib(totalmem())}`);
  }
}
