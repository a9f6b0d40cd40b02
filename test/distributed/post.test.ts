/** Messages between ranks: they arrive in order, at the rank that they are for, until one rank ends the exchange. */
import { expect, test } from '@jest/globals';
import { Post } from '../../src/distributed/post.js';
import { starterOf } from '../../src/distributed/starter.js';
import type { UnspoolError } from '../../src/errors.js';
import { problemOf } from '../support/errors.js';
import { onRanks } from './support.js';

test('messages arrive in order, with the rank that sent them, and what was sent before the end arrives', async () => {
  const received = await onRanks(3, async (communicator) => {
    const { rank } = communicator;
    const post = new Post(communicator);
    const got: unknown[] = [];
    for (const to of [0, 1, 2]) if (to !== rank) post.send(to, { from: rank, n: 1 });
    if (rank > 0) post.send(0, { from: rank, n: 2 });
    await post.run((from, message) => {
      got.push([from, message]);
      if (rank !== 0 || got.length < 4) return;
      post.send(2, 'the last');
      post.end();
    });
    return got;
  });
  const first = (from: number) => [from, { from, n: 1 }];
  expect(received).toEqual([
    [first(1), [1, { from: 1, n: 2 }], first(2), [2, { from: 2, n: 2 }]],
    [first(0), first(2)],
    [first(0), first(1), [0, 'the last']],
  ]);
});

test('an error of one rank ends all', async () => {
  const errors = await onRanks(2, (communicator) => {
    const post = new Post(communicator);
    if (communicator.rank === 1) post.fail(new Error('no memory'));
    return post.run(() => {}).catch((error: unknown) => error as UnspoolError);
  });
  expect(errors[1]!.message).toBe('no memory');
  expect(problemOf(errors[0]!, 'RANK_LOST').problem).toBe('rank 1 failed: no memory');
});

test('the program that started the ranks', () => {
  expect(starterOf({})).toBeNull();
  expect(starterOf({ PMI_SIZE: '3' })).toEqual({ isOpenMpi: false, size: 3 });
  expect(starterOf({ OMPI_COMM_WORLD_SIZE: '2', PMI_SIZE: '3' })).toEqual({ isOpenMpi: true, size: 2 });
  expect(starterOf({ PMI_SIZE: 'many' })).toBeNull();
});
