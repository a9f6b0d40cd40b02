/** What the caller drops without dispose() is freed in the worker. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { adam } from '../../src/optim/adam.js';
import { createModelInWorker } from '../../src/worker/index.js';
import { collect, startWorker, TEXT_SPEC, textData } from './support.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Records the operations that are sent to a worker. */
function recorded(worker: Worker): string[] {
  const sent: string[] = [];
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (message: { operation: string }, transfer) => {
    sent.push(message.operation);
    post(message, transfer);
  };
  return sent;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('streams and trainings, and then the model itself', async () => {
  const worker = startWorker();
  const sent = recorded(worker);
  const model = await createModelInWorker(TEXT_SPEC, { worker });
  const use = async (): Promise<void> => {
    await model.stream().step([1]);
    await collect(model.fit(textData(), { optimizer: adam(), maxUpdates: 2 }));
    await model.fit(textData(), { optimizer: adam() })[Symbol.asyncIterator]().next(); // a loop that is abandoned
  };
  await use();
  await until(() => sent.filter((name) => name.startsWith('close')).length >= 3);
  expect(sent.filter((name) => name === 'closeStream')).toHaveLength(1);
  expect(sent.filter((name) => name === 'closeTraining')).toHaveLength(2);
  const kept = model.stream(); // keeps the connection
  await collect(model.fit(textData(), { optimizer: adam(), maxUpdates: 1 }));
  expect((await kept.step([1])).length).toBeGreaterThan(0);
  expect(sent).not.toContain('dispose');
});

test('a model whose last call is answered after it is dropped', async () => {
  const worker = startWorker();
  const sent = recorded(worker);
  const output = await createModelInWorker(TEXT_SPEC, { worker }).then((model) => {
    const pending = model.parameters.download();
    collectGarbage();
    return pending;
  });
  expect(output.size).toBeGreaterThan(0);
  await until(() => sent.includes('dispose'));
  expect(sent.at(-1)).toBe('dispose');
  const again = await createModelInWorker(TEXT_SPEC, { worker }); // the worker accepts a new model
  await again.dispose();
});
