/** Parts of the calling side of a worker: channels, messages, batches that are sent one by one, states. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/model.js';
import { finalStates } from '../../src/core/start-state.js';
import { UnspoolError } from '../../src/errors.js';
import { openChannel } from '../../src/worker/channel.js';
import { Connection, newId } from '../../src/worker/connection.js';
import { createModelInWorker } from '../../src/worker/model.js';
import { callMessage, copyInto, failure, isUnspoolMessage, Packed } from '../../src/worker/protocol.js';
import { BatchSender, copiesOf, describeCopied, SentBatches } from '../../src/worker/sent-batches.js';
import { sentOptions, startOf, tapeOf } from '../../src/worker/states.js';
import { problemOf, rejected, thrown } from '../support/errors.js';

/** A worker of Node that records what is done with it. */
function nodeWorker() {
  const listeners = new Map<string, (value: unknown) => void>();
  const done: unknown[] = [];
  const worker = {
    on: (event: string, listener: (value: unknown) => void) => void listeners.set(event, listener),
    off: (event: string, listener: unknown) => {
      if (listeners.get(event) === listener) listeners.delete(event);
    },
    ref: () => done.push('ref'),
    unref: () => done.push('unref'),
    terminate: () => done.push('terminate'),
    postMessage: (message: { operation: string }, buffers: ArrayBuffer[]) => done.push([message, buffers.length]),
  };
  return { worker, listeners, done };
}

describe('a worker of Node', () => {
  test('passes messages, and says why it is lost', () => {
    const { worker, listeners, done } = nodeWorker();
    const heard: unknown[] = [];
    const handlers = { message: (m: unknown) => heard.push(m), lost: (problem: string) => heard.push(problem) };
    const channel = openChannel(worker as never, handlers as never);
    listeners.get('message')!({ unspool: 3 });
    listeners.get('messageerror')!(new Error('no clone'));
    listeners.get('error')!(new RangeError('no luck'));
    listeners.get('error')!('text');
    listeners.get('error')!(null);
    listeners.get('exit')!(7);
    expect(heard).toEqual([
      { unspool: 3 },
      'a message could not be read (no clone).',
      'it failed (no luck).',
      'it failed (text).',
      'it failed (null).',
      'it ended with code 7.',
    ]);
    channel.post({ operation: 'x' }, [new ArrayBuffer(1)]);
    channel.keepAlive(true);
    channel.keepAlive(false);
    expect(done).toEqual([[{ operation: 'x' }, 1], 'ref', 'unref']);
    channel.close();
    expect(listeners.size).toBe(0);
  });

  test('keeps the process alive while calls are open, and is not terminated by a connection that did not start it', async () => {
    const { worker, listeners, done } = nodeWorker();
    const connection = new Connection(worker as never);
    const [first, second] = [connection.call('threads'), connection.call('download')];
    const ids = done.filter(Array.isArray).map(([message]) => message.unspool as number);
    expect(ids[1]).toBe(ids[0]! + 1);
    expect(newId()).toBe(ids[1]! + 1);
    expect(done.filter((what) => typeof what === 'string')).toEqual(['ref']);
    const answer = (message: object) => listeners.get('message')!(message);
    answer({ unspool: ids[0], result: 4 });
    answer({ unspool: ids[1], problem: { code: 'DISPOSED', what: 'It', help: 'x' } });
    expect(await first).toBe(4);
    expect(problemOf(await rejected(() => second), 'DISPOSED').what).toBe('It');
    expect(done.filter((what) => typeof what === 'string')).toEqual(['ref', 'unref']);
    connection.requireOpen();

    const notices: unknown[] = [];
    const third = connection.callWithNotices((notice) => notices.push(notice), 'threads');
    const id = (done.filter(Array.isArray).at(-1) as [{ unspool: number }])[0].unspool;
    answer({ unspool: id, notice: 'a' });
    answer({ unspool: id, error: 'plain' });
    await expect(third).rejects.toBe('plain');
    expect(notices).toEqual(['a']);

    const open = connection.call('threads');
    connection.abandon();
    expect(problemOf(await rejected(() => open), 'DISPOSED').what).toBe('The model');
    expect((await rejected(() => connection.call('threads'))).code).toBe('DISPOSED');
    expect(thrown(() => connection.requireOpen()).code).toBe('DISPOSED');
    expect([listeners.size, done.includes('terminate'), done.at(-1)]).toEqual([0, false, 'unref']);
    await connection.dispose(); // has ended
    expect(done.filter(Array.isArray)).toHaveLength(4);
  });

  test('dispose() waits for the answer; what cannot be posted is an error of the call', async () => {
    const { worker, listeners, done } = nodeWorker();
    const connection = new Connection(worker as never);
    const { postMessage } = worker;
    worker.postMessage = () => {
      throw new Error('not cloneable');
    };
    const error = await rejected(() => connection.call('threads'));
    expect(error.message).toContain('threads cannot be sent to a worker: not cloneable.');
    worker.postMessage = postMessage;
    const disposing = [connection.dispose(), connection.dispose()];
    const [[message]] = done.filter(Array.isArray) as [[{ unspool: number; operation: string }]];
    expect([message.operation, listeners.size]).toEqual(['dispose', 4]);
    listeners.get('message')!({ unspool: message.unspool, result: undefined });
    await Promise.all(disposing);
    expect([listeners.size, done.includes('terminate')]).toEqual([0, false]);
  });
});

describe('messages', () => {
  test('are objects with a number', () => {
    const all = [{ unspool: 1 }, { unspool: '1' }, {}, null, undefined, 5, 'unspool'];
    expect(all.map(isUnspoolMessage)).toEqual([true, false, false, false, false, false, false]);
  });

  test('a call has copies of its arguments, and names them in errors', () => {
    const inputs = Float32Array.of(1, 2);
    const { message, buffers } = callMessage(7, 'predict', [inputs, { batchSize: 1 }]);
    expect(message).toEqual({ unspool: 7, operation: 'predict', args: [inputs, { batchSize: 1 }] });
    expect([message.args[0] === inputs, buffers]).toEqual([false, [(message.args[0] as Float32Array).buffer]]);
    const wrong: [Parameters<typeof callMessage>[1], unknown[], string][] = [
      ['predict', [1, { from: () => 1 }], 'options.from'],
      ['fit', [1, { train: () => 1 }], 'data.train'],
      ['fit', [1, 2, { gradient: () => 1 }], 'gradient'],
      ['holdLock', [() => 1], 'holdLock'],
      ['set', ['a', [1, Symbol('x')]], 'values[1]'],
    ];
    for (const [operation, args, path] of wrong) {
      expect(thrown(() => callMessage(1, operation, args)).problem).toMatchObject({
        ...{ code: 'INVALID_SETTING', path, problem: expect.stringContaining('which cannot be sent to a worker') },
      });
    }
  });

  test('nesting has a limit of 100', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { inner: nested(depth - 1) });
    expect(copyInto([], nested(101), 'value')).toEqual(nested(101));
    expect(thrown(() => copyInto([], nested(102), 'value')).message).toContain('value is nested more than 100 deep');
  });

  test('an error is sent as its problem if it is one of unspool', () => {
    const problem = { code: 'DISPOSED', what: 'It', help: 'x' } as const;
    expect(failure(3, new UnspoolError(problem))).toEqual({ unspool: 3, problem });
    const other = new RangeError('x');
    expect(failure(3, other)).toEqual({ unspool: 3, error: other });
  });

  test('what is packed is not copied again; a view whose memory is gone is empty', () => {
    const packed = new Packed({ values: Float32Array.of(1, 2) }, 'batch');
    const buffers: ArrayBuffer[] = [];
    const copy = copyInto(buffers, { batch: packed }, 'value') as unknown as { batch: { values: Float32Array } };
    expect([copy.batch === packed.copy, buffers]).toEqual([true, packed.buffers]);
    expect(packed.buffers).toEqual([copy.batch.values.buffer]);
    const holes = copyInto([], Object.assign([1, 'a'], { 3: [2], length: 5 }) as unknown[], 'value');
    expect([holes.length, 2 in holes, holes[3]]).toEqual([5, false, [2]]);
  });
});

describe('batches that are sent one by one', () => {
  const batchOf = (index: number): Batch => ({ steps: 1, batchSize: 1, inputs: [index], targets: [index] });
  const read: number[] = [];
  const source = (broken: { at: number }) => ({
    stateful: true,
    length: 3,
    batch(index: number) {
      read.push(index);
      if (index === broken.at) throw new Error('gone');
      return batchOf(index);
    },
  });
  const sent = (list: ReturnType<BatchSender['upTo']>) =>
    list.map(({ update, index, batch }) => [update, index, (batch as Packed | undefined)?.copy]);

  test('each is sent once, up to those that the next events may use, and again after an error', () => {
    const broken = { at: 2 };
    const sender = new BatchSender(source(broken), 5, undefined);
    expect(sender.describe(undefined)).toEqual({ kind: 'sent', stateful: true, length: 3, first: [] });
    expect(sent(sender.upTo(2))).toEqual([
      [0, 0, batchOf(0)],
      [1, 1, batchOf(1)],
    ]);
    expect(sent(sender.upTo(2))).toEqual([]);
    sender.used();
    expect(sent(sender.upTo(2))).toEqual([[2, 2, undefined]]);
    expect(sender.failure).toEqual({ error: new Error('gone') });
    sender.used();
    expect(sent(sender.upTo(9))).toEqual([]); // nothing is read until `repeat`
    broken.at = -1;
    sender.repeat();
    expect(sent(sender.upTo(9))).toEqual([
      [2, 2, batchOf(2)],
      [3, 0, batchOf(0)],
      [4, 1, batchOf(1)],
    ]);
    expect(read).toEqual([0, 1, 2, 2, 0, 1]);
  });

  test('a resumed training starts at its batch, and sends the first one for the shape of a carried state', () => {
    const state = (carried: unknown) => ({ batch: 2, carried }) as never;
    const sender = new BatchSender(source({ at: -1 }), 2, state([]));
    expect(sender.describe(state(null)).first).toEqual([]);
    expect((sender.describe(state([])).first as Packed[]).map(({ copy }) => copy)).toEqual([batchOf(0)]);
    expect(sent(sender.upTo(9)).map(([update, index]) => [update, index])).toEqual([
      [0, 2],
      [1, 0],
    ]);
  });

  test('the worker gives them in order, the first one for the shape, and fails where there is none', () => {
    const batches = new SentBatches({ stateful: true, length: 3, first: [] });
    expect([batches.stateful, batches.length]).toEqual([true, 3]);
    batches.receive([
      { update: 0, index: 0, batch: batchOf(0) },
      { update: 1, index: 1, batch: batchOf(1) },
      { update: 2, index: 2 },
    ]);
    expect(batches.batch(0)).toEqual(batchOf(0));
    batches.used();
    expect([batches.batch(1), batches.batch(0)]).toEqual([batchOf(1), batchOf(0)]);
    batches.used();
    let error: unknown;
    try {
      batches.batch(2);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBe('unspool: the source failed');
    expect(new SentBatches({ stateful: false, length: 1, first: [batchOf(5)] }).batch(0)).toEqual(batchOf(5));
  });

  test('all at once: copies with their places', () => {
    const one = source({ at: -1 });
    const described = describeCopied(one, 'train') as unknown as { kind: string; list: Packed[] };
    expect([described.kind, described.list.map(({ copy }) => copy)]).toEqual(['batches', [0, 1, 2].map(batchOf)]);
    expect(copiesOf(one)).toEqual([0, 1, 2].map(batchOf));
    const wrong = { ...one, batch: () => ({ ...batchOf(0), weights: () => 1 }) as never };
    expect(thrown(() => describeCopied(wrong, 'train')).problem).toMatchObject({ path: 'train.batch(0).weights' });
    expect(thrown(() => copiesOf(wrong)).problem).toMatchObject({ path: 'source.batch(0).weights' });
  });
});

test('where a pass starts: at final states, at given ones, or at the first state', () => {
  const states = finalStates([{ h: Float32Array.of(1), c: Float32Array.of(2) }]);
  expect(startOf(tapeOf(states))).toEqual({ isFinal: true, states });
  expect(startOf(states)).toEqual({ isFinal: true, states });
  expect(startOf({ h: [1], c: [2] })).toEqual({ isFinal: false, states: { h: [1], c: [2] } });
  expect([startOf(undefined), startOf(null)]).toEqual([null, null]);
  expect(sentOptions({ from: states, tape: true })).toEqual({ from: { isFinal: true, states }, tape: true });
  expect(sentOptions({ from: null })).toEqual({ from: null });
  expect([sentOptions({}), sentOptions(5 as never)]).toEqual([{}, 5]);
  expect(thrown(() => sentOptions({ tape: {} })).problem).toMatchObject({ path: 'options.tape' });
});

test.each<[string, object]>([
  ['options.bakend: unknown setting. Did you mean "backend"?', { bakend: 'wasm' }],
  ['options.kernels cannot be sent to a worker. A worker has its own backend.', { kernels: {} }],
  ['options.measure cannot be sent to a worker. Call measureBackends()', { measure: () => null }],
  ['options.worker must be a worker, got 5.', { worker: 5 }],
  ['options.worker must be a worker', { worker: { postMessage() {}, on() {} } }],
  ['options.worker must be a worker', { worker: { postMessage() {}, terminate() {} } }],
  ['options.worker must be a worker', { worker: { terminate() {}, on() {} } }],
])('%s', async (message, options) => {
  const { done, worker } = nodeWorker();
  const error = await rejected(() => createModelInWorker({ layers: [] }, options as never));
  expect(error.message.replace('worker: ', 'worker ')).toContain(message.replace('worker: ', 'worker '));
  const { postMessage, ...rest } = worker;
  expect((await rejected(() => createModelInWorker({ layers: [] }, { worker: rest } as never))).code).toBe(
    'INVALID_SETTING',
  );
  expect(done).toEqual([]);
});
