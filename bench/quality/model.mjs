/** The model, the text and the settings of `npm run bench -- quality`, which both libraries use. */
import { readFileSync } from 'node:fs';
import { createModel, textStreams, writeSafetensors } from '../../dist/index.js';

const TEXT = new URL('../../data/moby-dick.txt', import.meta.url);

export const SETTINGS = {
  embedding: 64,
  hidden: 512,
  dropout: 0.4,
  batchSize: 32,
  steps: 64,
  learningRate: 3e-3,
  decay: 0.9, // of the learning rate, per epoch
  clip: 1,
  seed: 1,
};

/** Nine tenths for training, the rest for validation. The batches have the same order in every epoch. */
export function readText({ batchSize, steps }) {
  const { vocabulary, train, validation } = textStreams(readFileSync(TEXT, 'utf8'), { batchSize, steps });
  const inOrder = { stateful: true, length: train.length, batch: (index) => train.batch(index) };
  return { size: vocabulary.size, train, validation, inOrder };
}

export function modelSpec({ embedding, hidden, dropout, seed }, size) {
  const drop = dropout > 0 ? [{ kind: 'dropout', rate: dropout }] : [];
  return {
    seed,
    layers: [
      { kind: 'embedding', size, width: embedding },
      ...drop,
      { kind: 'lstm', hiddenSize: hidden },
      ...drop,
      { kind: 'linear', size },
    ],
  };
}

/** The first weights and the text's tokens as a safetensors file, for PyTorch. */
export async function startFile(settings) {
  const { size, train, validation } = readText(settings);
  const model = await createModel(modelSpec(settings, size), { backend: 'reference' });
  const values = await model.parameters.download();
  const weights = model.parameters.layout.entries.map(({ name, shape }) => ({ name, shape, data: values.get(name) }));
  const tokens = (name, { tokens: list }) => ({ name, shape: [list.length], data: Float32Array.from(list) });
  return writeSafetensors([...weights, tokens('text.train', train), tokens('text.validation', validation)]);
}
