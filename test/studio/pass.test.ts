/** What the Studio shows about one pass comes from one update, however far the training is by then. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createModel } from '../../src/create.js';
import type { Edits } from '../../studio/src/engine/api.js';
import { compareEstimators } from '../../studio/src/engine/experiments.js';
import { sample } from '../../studio/src/engine/sampling.js';
import { Session } from '../../studio/src/engine/session.js';
import { specOf, taskOf } from '../../studio/src/engine/tasks/index.js';
import { traceGradientByLag, traceSequence } from '../../studio/src/engine/tracing.js';
import { checkGradient } from '../../studio/src/engine/weights.js';
import { fromQuery } from '../../studio/src/settings.js';

async function sessionOf(query: string): Promise<Session> {
  const { settings } = fromQuery(query);
  const task = await taskOf(settings, null, async (file) => readFileSync(`data/${file}`, 'utf8'));
  return new Session(settings, task, await createModel(specOf(settings, task)));
}

async function advance(session: Session, updates: number): Promise<void> {
  const end = session.update + updates;
  while (session.update < end) await session.next();
}

const EDITS: readonly [string, Edits][] = [
  ['without edits', { inputs: [], clamps: [] }],
  [
    'with an edited input and a clamped gate',
    { inputs: [{ t: 1, values: [3, 1] }], clamps: [{ layer: 0, gate: 'o', unit: 1, value: 0.5 }] },
  ],
];

test.each(EDITS)('a pass %s stays the same during training', async (_, edits) => {
  const session = await sessionOf('?preset=adding&units=4&steps=6&batchSize=4&learningRate=0.1');
  await advance(session, 3);
  const first = await traceSequence(session, 2, edits, [5, 3, 99]);
  expect(first.update).toBe(3);
  expect(first.flows.map(({ step }) => step)).toEqual([5, 3]);
  await advance(session, 4);
  expect(await traceGradientByLag(session, first.id, 3)).toEqual(first.flows[1]);
  const name = first.trace.layers[0]!.parameters.weight_hh!;
  const check = await checkGradient(session, { name, row: 8, col: 2 });
  const { data, cols } = first.trace.gradients[name]!;
  expect(check.update).toBe(3);
  expect(check.value).toBeCloseTo(first.trace.parameters[name]!.data[8 * cols + 2]!, 6);
  expect(check.gradient).not.toBe(0);
  expect(check.gradient).toBeCloseTo(data[8 * cols + 2]!, 6);
  expect(check.finiteDifference).toBeCloseTo(check.gradient, 8);

  const second = await traceSequence(session, 2, edits, []);
  expect(second.update).toBe(7);
  expect(second.trace.loss).not.toBe(first.trace.loss);
  expect(await traceGradientByLag(session, first.id, 3)).toBeNull();
  expect((await traceGradientByLag(session, second.id, 3))!.x).not.toEqual(first.flows[1]!.x);
  session.dispose();
});

test('a comparison of estimators and a sample state their update', async () => {
  const session = await sessionOf('?preset=counting&units=3&steps=5&batchSize=2');
  await traceSequence(session, 0, { inputs: [], clamps: [] }, []);
  const before = await compareEstimators(session, ['bptt', 'tbptt:k1=1,k2=1']);
  await advance(session, 2);
  expect(before.update).toBe(0);
  expect(await compareEstimators(session, ['bptt', 'tbptt:k1=1,k2=1'])).toEqual(before);
  expect((await sample(session)).update).toBe(2);
  session.dispose();
});
