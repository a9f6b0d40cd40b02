/** The message of every kind of error, as a person reads it. */
import { expect, test } from '@jest/globals';
import { bytesText, invalidData, invalidSetting, type Problem, UnspoolError } from '../../src/errors.js';

const memory = { code: 'OUT_OF_MEMORY', bytes: 1536, inUse: 2048, capacity: 4 * 1024 ** 2 } as const;

test.each<[Problem, string]>([
  [
    { code: 'SHAPE_MISMATCH', op: 'forward', tensor: 'inputs', expected: [3, 'N', 2], actual: [5], help: 'Pass it.' },
    'forward: inputs must have shape [3, N, 2], got [5]. Pass it.',
  ],
  [{ code: 'INVALID_SETTING', path: 'loss', problem: 'must be a name.' }, 'loss must be a name.'],
  [{ code: 'INVALID_SETTING', path: 'loss', problem: 'musty name.' }, 'loss: musty name.'],
  [{ code: 'INVALID_DATA', what: 'token 3', problem: 'reads twice.' }, 'token 3 reads twice.'],
  [{ code: 'INVALID_DATA', what: 'prompt', problem: 'empty.', help: 'Pass one.' }, 'prompt: empty. Pass one.'],
  [{ code: 'INVALID_FILE', file: 'a.bin', problem: 'is cut.' }, 'a.bin: is cut.'],
  [
    { code: 'FILE_ACCESS', file: 'a.bin', cause: 'ENOENT', problem: 'does not exist' },
    'a.bin: does not exist (ENOENT).',
  ],
  [
    { code: 'NOT_FINITE', update: 7, tensor: 'the loss', where: 'in a batch', value: Number.NaN },
    'update 7: the loss became NaN in a batch.',
  ],
  [
    { code: 'NOT_FINITE', update: null, tensor: 'the loss', where: 'in a batch', value: Number.POSITIVE_INFINITY },
    'the loss became Infinity in a batch.',
  ],
  [memory, 'out of memory: cannot allocate 1.5 KiB (2 KiB of 4 MiB in use).'],
  [{ ...memory, capacity: Number.POSITIVE_INFINITY }, 'out of memory: cannot allocate 1.5 KiB (2 KiB in use).'],
  [{ ...memory, bytes: null }, 'out of memory (2 KiB of 4 MiB in use).'],
  [{ ...memory, bytes: null, inUse: null }, 'out of memory.'],
  [{ ...memory, inUse: null, help: 'Wait.' }, 'out of memory: cannot allocate 1.5 KiB. Wait.'],
  [{ code: 'DISPOSED', what: 'The model' }, 'The model was used after dispose().'],
  [{ code: 'DISPOSED', what: 'A view', after: 'free()' }, 'A view was used after free().'],
  [{ code: 'DEVICE_LOST', problem: 'it is off.' }, 'the GPU was lost: it is off.'],
  [{ code: 'WORKER_LOST', problem: 'it ended.' }, "the model's worker was lost: it ended."],
  [{ code: 'RANK_LOST', problem: 'rank 2 left.', help: 'Start it.' }, 'rank 2 left. Start it.'],
  [
    { code: 'INVALID_SETTING', path: 'backend', problem: 'none.\nwasm: no.', help: 'Use reference.' },
    'backend: none.\nwasm: no.\nUse reference.',
  ],
])('%j', (problem, message) => {
  const error = new UnspoolError(problem);
  expect([error.message, error.code, error.name, error.problem]).toEqual([
    message,
    problem.code,
    'UnspoolError',
    problem,
  ]);
  expect(error).toBeInstanceOf(Error);
});

test.each(['must', 'cannot', 'is', 'are', 'has', 'have', 'does', 'do', 'needs', 'reads'])(
  'a problem that begins with "%s" follows its subject without a colon',
  (verb) => expect(invalidSetting('it', `${verb} so.`).message).toBe(`it ${verb} so.`),
);

test('a help that is empty is left out, and a problem that is incomplete has a message', () => {
  expect(invalidSetting('a', 'is b.', '').problem).toEqual({ code: 'INVALID_SETTING', path: 'a', problem: 'is b.' });
  expect(invalidData('a', 'is b.', 'Do c.').problem).toEqual({
    ...{ code: 'INVALID_DATA', what: 'a', problem: 'is b.', help: 'Do c.' },
  });
  expect(new UnspoolError({ code: 'SHAPE_MISMATCH' } as never).message).toBe('an error without details.');
  expect(new UnspoolError(null as never).code).toBeUndefined();
  expect(new UnspoolError({ code: 'other' } as never).message).toMatch(/object/);
});

test('numbers of bytes', () => {
  const sizes = [0.5, 1, 1023, 1024, 1536, 1024 ** 2 - 1, 1024 ** 2, 1.5 * 1024 ** 3, 5000 * 1024 ** 3];
  expect(sizes.map(bytesText)).toEqual([
    ...['0.5 bytes', '1 bytes', '1,020 bytes', '1 KiB', '1.5 KiB', '1,020 KiB', '1 MiB', '1.5 GiB', '5,000 GiB'],
  ]);
});
