/** Parts of `unspool train` one by one: progress, the best weights, checkpoints, arithmetic, learning rates. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Output } from '../../src/cli/output.js';
import { arithmeticOf, isSameArithmetic } from '../../src/cli/train/arithmetic.js';
import { BestWeights, describeWeights } from '../../src/cli/train/best.js';
import { Checkpoints, checkpointFile, hasCode, requireFree } from '../../src/cli/train/checkpoints.js';
import { Progress } from '../../src/cli/train/progress.js';
import { trainCommand } from '../../src/cli/train.js';
import { UnspoolError } from '../../src/index.js';
import { runHere, temporaryFolder } from './in-process.js';

const here = temporaryFolder();
afterEach(() => void jest.restoreAllMocks());

describe('progress', () => {
  /** What is printed, at times in milliseconds that the test decides. */
  function start(live: boolean, epochs = 3, unit?: 'steps') {
    let now = 1000;
    let written = '';
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
    const lines: string[] = [];
    const out = { live, print: (line: string) => void lines.push(line) } as unknown as Output;
    const progress = new Progress(out, epochs, unit);
    const update = (at: number, update: number, loss: number, more = {}) => {
      now = 1000 + at;
      progress.update({ kind: 'update', update, updates: 2000, epoch: 1, count: 600, loss, ...more } as never);
    };
    const taken = () => [lines.splice(0), written, (written = '')][0] as string[];
    return { progress, update, taken, drawn: () => [written, (written = '')][0]! };
  }

  test('is a line for the first update, then every five seconds, and for the last one', () => {
    const { update, taken } = start(false);
    update(1000, 11, Math.LN2); // the training continues after update 10
    // 1989 updates are left, one took a second.
    expect(taken()).toEqual(['update 11/2,000  loss 0.693  1.000 bits/char  600 chars/s  33:09 left']);
    update(5999, 12, 1);
    expect(taken()).toEqual([]);
    update(6000, 13, 2);
    // 0.95 (0.95 ln 2 + 0.05) + 0.1 = 0.7731; 1800 characters in six seconds; 1987 of 3 updates in 6 seconds.
    expect(taken()).toEqual(['update 13/2,000  loss 0.773  1.115 bits/char  300 chars/s  1:06:14 left']);
    update(6001, 2000, 2);
    expect(taken()[0]).toMatch(/^update 2,000\/2,000 .* 0:00 left$/);
  });

  test('of steps has no bits, and a loss with four digits', () => {
    const { update, taken } = start(false, 1, 'steps');
    update(1000, 1, 0.25);
    expect(taken()).toEqual(['update 1/2,000  loss 0.2500  600 steps/s  33:19 left']);
  });

  test('is a bar in a terminal, redrawn every tenth of a second, and again after it is cleared', () => {
    const { columns } = process.stdout;
    const { progress, update, drawn } = start(true);
    try {
      process.stdout.columns = 120;
      progress.clear();
      expect(drawn()).toBe('');
      update(1000, 500, Math.LN2, { epoch: 2 });
      const tail = '  25%  loss 0.693  1.000 bits/char  600 chars/s  25:00 left';
      expect(drawn()).toBe(`\r\x1b[2Kepoch 2/3 ${'█'.repeat(8)}${'░'.repeat(22)}${tail}`);
      update(1099, 501, 1);
      expect(drawn()).toBe('');
      update(1100, 502, 1);
      expect(drawn().startsWith('\r\x1b[2Kepoch 1/3 █')).toBe(true);
      progress.clear();
      progress.clear();
      expect(drawn()).toBe('\r\x1b[2K');
      process.stdout.columns = 80;
      update(1101, 1000, 1);
      const narrow = drawn().slice(5);
      expect(narrow.length).toBe(79);
      expect(narrow).toMatch(/^epoch 1\/3 █+░+ {2}50% {2}loss/);
      progress.clear();
      drawn();
      process.stdout.columns = 30;
      update(1102, 1000, 1);
      expect(drawn().slice(5)).toHaveLength(29);
      progress.clear();
      drawn();
      process.stdout.columns = 0; // not known: 80
      update(1103, 1000, 1);
      expect(drawn().slice(5)).toHaveLength(79);
    } finally {
      process.stdout.columns = columns;
    }
  });
});

describe('the best weights', () => {
  const validation = (update: number, loss: number) => ({ kind: 'validation', update, loss }) as never;

  test('are those of the lowest validation, and of equal ones the first', () => {
    const best = new BestWeights(null);
    expect(best.best).toBeNull();
    for (const [update, loss] of [
      [10, 3],
      [20, 2],
      [30, 2],
      [40, 2.5],
    ] as const)
      best.observe(validation(update, loss));
    best.observe({ kind: 'update', update: 50, loss: 1 } as never);
    expect(best.best).toEqual({ update: 20, loss: 2 });
    expect(new BestWeights({ update: 7, loss: 1.5 }).best).toEqual({ update: 7, loss: 1.5 });
    for (const damaged of [3, {}, { update: 1.5, loss: 1 }, { update: 1, loss: Number.NaN }, undefined])
      expect(new BestWeights(damaged).best).toBeNull();
  });

  /** Settles at update 30, without looking at the model where that is not needed. */
  const settle = (best: BestWeights, data: object = { validation: {} }) =>
    best.settle(null as never, data as never, { checkpoint: async () => ({ update: 30 }) } as never);

  test('need no further validation if the last update was validated, or the best one was the last', async () => {
    const last = new BestWeights(null);
    for (const [update, loss] of [
      [20, 2],
      [30, 3],
    ] as const)
      last.observe(validation(update, loss));
    expect(await settle(last)).toBe(20);
    expect(await settle(new BestWeights({ update: 30, loss: 1 }))).toBe(30);
    expect(await settle(new BestWeights(null))).toBe(30); // nothing was validated
    const early = new BestWeights(null);
    early.observe(validation(20, 2));
    expect(await settle(early, { validation: null })).toBe(20);
    expect(await settle(new BestWeights(undefined))).toBeNull(); // from an earlier version
  });

  test('are described', () => {
    const of = { updates: 2000, validated: true };
    expect(describeWeights('last', null, of)).toBe('the last weights, of the last update, 2,000');
    expect(describeWeights('best', 1500, of)).toBe('the best weights, of update 1,500 of 2,000');
    expect(describeWeights('best', 2000, of)).toBe('the best weights, those of the last update, 2,000');
    expect(describeWeights('best', null, of)).toBe('the best weights');
    expect(describeWeights('best', 2000, { ...of, validated: false })).toBe(
      'the weights of the last update, 2,000: without validation text, the best ones are not known',
    );
  });
});

describe('checkpoints', () => {
  const full = () =>
    new UnspoolError({ code: 'FILE_ACCESS', file: 'c', cause: 'ENOSPC', problem: 'cannot be written' });

  test('are next to the model, and overwrite neither it nor those of another training', async () => {
    expect(['m.safetensors', 'a/m'].map(checkpointFile)).toEqual([
      'm.checkpoint.safetensors',
      'a/m.checkpoint.safetensors',
    ]);
    const [model, checkpoint] = [here.at('free'), here.at('free.c')];
    await requireFree(model, checkpoint);
    here.write('free.c', '');
    await expect(requireFree(model, checkpoint)).rejects.toThrow(
      `${checkpoint} already exists. Use --resume ${checkpoint} to continue that training, or --force to start over.`,
    );
    here.write('free', '');
    await expect(requireFree(model, checkpoint)).rejects.toThrow(
      `${model} already exists. Use --force to overwrite it.`,
    );
  });

  test('that cannot be written end a training unless an earlier one exists', async () => {
    let fails = true;
    const warnings: string[] = [];
    const checkpoints = new Checkpoints(
      'c',
      async () => {
        if (fails) throw full();
        return 5;
      },
      null,
    );
    const warn = (text: string) => void warnings.push(text);
    await expect(checkpoints.saveOrWarn(warn)).rejects.toThrow('cannot be written');
    expect(await checkpoints.trySave()).toMatchObject({ code: 'FILE_ACCESS' });
    fails = false;
    await checkpoints.saveOrWarn(warn);
    expect(await checkpoints.trySave()).toBeNull();
    expect(warnings).toEqual([]);
    fails = true;
    await checkpoints.saveOrWarn(warn);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/cannot be written.* The training continues; c, from update 5, is still good\.$/);
    const other = new Checkpoints(
      'c',
      async () => {
        throw new Error('a defect');
      },
      { file: 'c', update: 1 },
    );
    await expect(other.saveOrWarn(warn)).rejects.toThrow('a defect');
    expect(hasCode(new Error('x'), 'FILE_ACCESS')).toBe(false);
    expect([hasCode(full(), 'FILE_ACCESS'), hasCode(full(), 'NOT_FINITE')]).toEqual([true, false]);
  });

  test('of a start are removed unless an update followed', async () => {
    const at = (name: string) => {
      const file = here.at(name);
      return new Checkpoints(file, async () => here.write(name, '').length - file.length, null);
    };
    const start = at('start');
    await start.saveStart();
    await start.removeStart();
    expect(here.has('start')).toBe(false);
    expect((start.explain(full()) as Error).message).toContain('No checkpoint has been saved.');
    const saved = at('saved');
    await saved.saveStart();
    await saved.save();
    await saved.removeStart();
    expect(here.has('saved')).toBe(true);
    const rescued = at('rescued');
    await rescued.saveStart();
    await rescued.rescue(1, async (file) => void expect(file).toBe(here.at('rescued')));
    await rescued.removeStart();
    expect(here.has('rescued')).toBe(true);
  });

  test('of a lost device are written if they are newer', async () => {
    const written: number[] = [];
    const rescue = (checkpoints: Checkpoints, update: number) =>
      checkpoints.rescue(update, async () => void written.push(update));
    const first = new Checkpoints('c', async () => 0, null);
    await rescue(first, 0);
    await rescue(first, 0);
    await rescue(first, 4);
    const resumed = new Checkpoints('c', async () => 0, { file: 'old', update: 7 });
    await rescue(resumed, 7);
    await rescue(resumed, 8);
    expect(written).toEqual([0, 4, 8]);
    const error = new UnspoolError({ code: 'NOT_FINITE', place: 'the loss', help: 'Lower the rate.' } as never);
    expect((resumed.explain(error) as Error).message).toMatch(
      /Lower the rate\. The last good checkpoint, c, is from update 8\.$/,
    );
    const defect = new Error('a defect');
    expect(resumed.explain(defect)).toBe(defect);
  });
});

describe('arithmetic', () => {
  /** A model on a backend that computes one product, rounded before the sum or not. */
  const on = (name: string, variant: string | null, isFused = false) => {
    let [held, a, b]: [number, number[], number[]] = [0, [], []];
    const kernels = {
      ...{ name, variant },
      alloc: (rows: number, cols: number) => ({ id: ++held, rows, cols }),
      free: () => void held--,
      upload: ({ cols }: { cols: number }, values: number[]) => void (cols === 2 ? (a = values) : (b = values)),
      gemm: () => {},
      download: async () => {
        const square = a[1]! * b[1]!;
        return [a[0]! * b[0]! + (isFused ? square : Math.fround(square))];
      },
    };
    return { model: { kernels } as never, left: () => held };
  };

  test('is the backend, whether it fuses, and the engine', async () => {
    const cases = [
      on('reference', null),
      on('wasm', 'simd', true), // cannot fuse: not asked
      on('wasm', 'relaxed'),
      on('wasm', 'relaxed', true),
      on('wasm', 'revec', true),
      on('gpu', 'webgpu'),
      on('gpu', null),
    ];
    const found = [];
    for (const { model } of cases) found.push((await arithmeticOf(model)).replace(/, \w+$/, ''));
    expect(found).toEqual([
      ...['reference', 'wasm', 'wasm', 'wasm, fused multiply-add', 'wasm, fused multiply-add', 'gpu:webgpu', 'gpu'],
    ]);
    expect(cases.map(({ left }) => left())).toEqual(new Array(7).fill(0));
    expect(await arithmeticOf(cases[0]!.model)).toBe('reference, V8');
  });

  test('of files of version 0.1 is that of V8', () => {
    expect(isSameArithmetic('wasm, V8', 'wasm, V8')).toBe(true);
    expect(isSameArithmetic('wasm', 'wasm, V8')).toBe(true);
    expect(isSameArithmetic('wasm', 'wasm, JavaScriptCore')).toBe(false);
    expect(isSameArithmetic('reference, V8', 'wasm, V8')).toBe(false);
  });
});

describe('a search for a learning rate', () => {
  const text = here.write('text.txt', 'the cat sat on the mat. '.repeat(60));
  const args = ['--find-learning-rate', '--hidden-size', '4', '--embedding-size', '3', '--batch-size', '2'];
  const small = [...args, '--steps', '8', '--backend', 'reference'];

  test('prints at most 16 rates with their losses, and what it suggests', async () => {
    const printed = (await runHere(trainCommand, text, ...small)).trimEnd().split('\n');
    const curve = JSON.parse(await runHere(trainCommand, text, ...small, '--json'));
    const { points, suggestion, divergedAt, kind } = curve;
    expect(kind).toBe('learningRates');
    expect(printed[0]).toMatch(/^learning rate +loss$/);
    const end = printed.indexOf('');
    const rows = printed.slice(1, end).map((line) => line.trim().split(/ +/)[1]);
    const every = Math.ceil(points.length / 15);
    const shown = points.filter((_: unknown, i: number) => i % every === 0 || i === points.length - 1);
    expect(rows).toEqual(shown.map(({ smoothed }: { smoothed: number }) => smoothed.toFixed(3)));
    expect([rows.length > 10, rows.length <= 16]).toEqual([true, true]);
    const rest = printed.slice(end).join('\n');
    const diverges = divergedAt === null ? '' : `\nThe loss diverges at ${divergedAt.toPrecision(2)}.\n`;
    expect(rest).toBe(
      `${diverges}\nA tenth of the rate with the lowest loss:\n  --lr ${Number(suggestion.toPrecision(2))}`,
    );
  });

  test.each(['resume', 'run', 'out'])('writes no file, so --%s is refused', async (name) => {
    await expect(runHere(trainCommand, text, ...small, `--${name}`, 'x')).rejects.toThrow(
      `--${name} cannot be combined with --find-learning-rate, which writes no files.`,
    );
    await expect(runHere(trainCommand, ...small)).rejects.toThrow('missing TEXT: a UTF-8 text file.');
  });
});
