import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { createSource, describeSource } from '../../src/data/description.js';
import { preparePipeline } from '../../src/data/series/pipeline.js';
import type { BatchSource } from '../../src/data/source.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { TextStreams } from '../../src/data/text.js';
import { problemOf, thrown } from '../support/errors.js';

const contentOf = (source: BatchSource) => ({
  stateful: source.stateful,
  batches: Array.from({ length: source.length }, (_, index) => source.batch(index)),
});

describe('createSource rebuilds a source from its description', () => {
  const tokens = Int32Array.from({ length: 100 }, (_, i) => (i * i) % 17);
  const rng = () => createRng(3, 'test');
  const table = parseCsv(`y,x\n${Array.from({ length: 30 }, (_, i) => `${(i * i) % 7},${i % 3}`).join('\n')}`);
  const options = { target: 'y', inputs: ['x'], history: 4, horizon: 2, batchSize: 3, test: 0, validation: 0 };
  const windows = preparePipeline(table, options).windows.train;

  test.each([
    ['text', new TextStreams(tokens, 3, 7)],
    ['text with a partial last batch', new TextStreams(tokens, 2, 9, true)],
    ['text shuffled for an epoch', new TextStreams(tokens, 3, 7).shuffled(rng())],
    ['windows of a series', windows],
    ['windows shuffled for an epoch', windows.shuffled(rng())],
  ])('%s', (_, source) => {
    const again = createSource(describeSource(source));
    expect(contentOf(again)).toEqual(contentOf(source));
    expect(contentOf(again.shuffled!(rng()))).toEqual(contentOf(source.shuffled(rng())));
  });

  test('a custom source without `shuffled`, by its batches', () => {
    const batch = (index: number) => ({ steps: 1, batchSize: 2, inputs: [index, 1], targets: Int32Array.of(index, 2) });
    const source: BatchSource = { stateful: true, length: 3, batch };
    const again = createSource(describeSource(source));
    expect(contentOf(again)).toEqual(contentOf(source));
    expect(again.shuffled).toBeUndefined();
  });

  test('a custom kind', () => {
    const made = (parts: object): BatchSource => ({ ...(parts as BatchSource), batch: () => ({}) as never });
    const source = { ...made({ length: 5 }), describe: () => ({ kind: 'mine', stateful: false, length: 5 }) };
    expect(createSource(describeSource(source), { mine: made }).length).toBe(5);
  });
});

test('a custom `shuffled` without `describe` and an unknown kind are refused', () => {
  const mine: BatchSource = { stateful: false, length: 1, batch: () => ({}) as never, shuffled: () => mine };
  expect(
    problemOf(
      thrown(() => describeSource(mine)),
      'INVALID_DATA',
    ).help,
  ).toContain('shuffled');
  for (const kind of ['mine', 'toString']) {
    const error = thrown(() => createSource({ kind }, { yours: () => mine }));
    expect(problemOf(error, 'INVALID_DATA').help).toContain('textStreams, batches, windows, yours');
  }
});
