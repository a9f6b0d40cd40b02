/** The text of the tour's lessons, and a new model of it. */
import { createModel, textStreams } from 'unspool';

export const TEXT = 'so much depends upon a red wheel barrow\n'.repeat(30);

/** Streams of the text, and an untrained model that reads them. */
export async function textLesson() {
  const data = textStreams(TEXT, { batchSize: 4, steps: 16 });
  const { size } = data.vocabulary;
  const layers = [
    { kind: 'embedding', size, width: 8 },
    { kind: 'lstm', hiddenSize: 16 },
    { kind: 'linear', size },
  ] as const;
  const model = await createModel({ seed: 1, layers }, { backend: 'reference', precision: 'float64' });
  return { data, model };
}
