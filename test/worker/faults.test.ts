import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from '@jest/globals';
import { createModel, deserializeModel } from '../../src/create.js';
import type { BatchSource } from '../../src/data/source.js';
import { adam } from '../../src/optim/adam.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { fit, type TrainingEvent } from '../../src/train/trainer.js';
import { createModelInWorker, deserializeModelInWorker, serve, type WorkerModel } from '../../src/worker/index.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { collect, startWorker, TEXT_SPEC, textData, VALUE_SPEC, valueData } from './support.js';

const ROOT = join(__dirname, '../..');
mkdirSync(join(ROOT, 'runs'), { recursive: true });
const folder = mkdtempSync(join(ROOT, 'runs/worker-'));
afterAll(() => rmSync(folder, { recursive: true }));

const worker = startWorker();

async function inWorker<T>(act: (model: WorkerModel) => Promise<T>, spec = TEXT_SPEC): Promise<T> {
  const model = await createModelInWorker(spec, { worker });
  try {
    return await act(model);
  } finally {
    await model.dispose();
  }
}

const LONG = { optimizer: adam(), epochs: 1e6 };

/** A worker that runs `code`, a module, in the package's folder. */
function workerOf(name: string, code: string): Worker {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code);
  return startWorker(file);
}

describe('errors in the worker', () => {
  test('an invalid spec or setting throws the same error as on this thread, and the worker stays usable', async () => {
    const bad = { inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: -1 }] } as const;
    const here = await rejected(() => createModel(bad));
    const there = await rejected(() => createModelInWorker(bad, { worker }));
    expect(there.problem).toEqual(here.problem);
    expect(there.message).toBe(here.message);
    const backend = await rejected(() => createModelInWorker(VALUE_SPEC, { backend: 'abacus' as 'wasm', worker }));
    expect(problemOf(backend, 'INVALID_SETTING').path).toBe('backend');
    await inWorker(async (model) => expect(model.size).toBeGreaterThan(0));
  });

  test('unknown options, and those of a model on this thread, are rejected with a suggestion', async () => {
    const wrong: [object, string, string][] = [
      [{ bakend: 'wasm' }, 'options.bakend', 'Did you mean "backend"?'],
      [{ device: 'gpu' }, 'options.device', 'Did you mean "backend"?'],
      [{ kernels: {} }, 'options.kernels', 'A worker has its own backend.'],
      [{ measure: async () => null }, 'options.measure', 'measureBackends()'],
      [{ worker: 5 }, 'options.worker', 'must be a worker, got 5.'],
      [{ worker: { postMessage() {} } }, 'options.worker', 'must be a worker'],
    ];
    for (const [options, path, text] of wrong) {
      for (const act of [
        () => createModelInWorker(VALUE_SPEC, options),
        () => deserializeModelInWorker(new Uint8Array(3), options),
      ]) {
        const error = await rejected(act);
        expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
        expect(error.message).toContain(text);
      }
    }
    for (const bytes of [undefined, null, 'abc', [1, 2], {}]) {
      const expected = await rejected(() => deserializeModel(bytes as Uint8Array));
      const got = await rejected(() => deserializeModelInWorker(bytes as Uint8Array, { worker }));
      expect(got.problem).toEqual(expected.problem);
    }
  });

  test('an invalid setting of a training throws when fit() is called', () =>
    inWorker(async (model) => {
      const error = thrown(() => model.fit(textData(), { optimizer: adam(), epochs: 0 }));
      expect(error.problem).toMatchObject({ code: 'INVALID_SETTING', path: 'epochs' });
    }));

  test('a checkpoint of another training throws INVALID_DATA when it is iterated', () =>
    inWorker(async (model) => {
      const here = await createModel(VALUE_SPEC);
      const state = await fit(here, { train: valueData() }, { optimizer: adam() }).checkpoint();
      const training = model.fit(textData(), { optimizer: adam() }, state);
      expect(problemOf(await rejected(() => collect(training)), 'INVALID_DATA').what).toBe('checkpoint');
    }));

  test('NOT_FINITE has all its fields, follows the events before it, and no prefetched update is made', () =>
    inWorker(async (model) => {
      const good = valueData();
      const spoilt = { ...good.batch(1), targets: new Array(20).fill(1e30) }; // their squares overflow
      const train: BatchSource = { ...good, batch: (index) => (index === 1 ? spoilt : good.batch(index)) };
      const here = await createModel(VALUE_SPEC);
      const run = async (training: AsyncIterable<TrainingEvent>) => {
        const events: TrainingEvent[] = [];
        const error = await rejected(async () => {
          for await (const event of training) events.push(event);
        });
        return { events, problem: error.problem };
      };
      const expected = await run(fit(here, { train }, { optimizer: adam() }));
      expect(expected.problem).toMatchObject({ code: 'NOT_FINITE', update: 2 });
      expect(expected.events).toHaveLength(1);
      const training = model.fit({ train }, { optimizer: adam() });
      expect(await run(training)).toEqual(expected);
      expect(await model.parameters.download()).toEqual(await here.parameters.download());
      expect((await training.checkpoint()).update).toBe(1);
    }, VALUE_SPEC));

  test('a model that is too large throws OUT_OF_MEMORY with its bytes', async () => {
    const huge = {
      layers: [
        { kind: 'embedding', size: 2 ** 20, width: 2 ** 12 },
        { kind: 'lstm', hiddenSize: 2 },
      ],
    } as const;
    const error = await rejected(() => createModelInWorker(huge, { worker }));
    expect(problemOf(error, 'OUT_OF_MEMORY').bytes).toBeGreaterThan(2 ** 34);
  });
});

describe('values that cannot be sent to a worker', () => {
  test('a custom schedule, optimizer or shuffle throws when fit() is called, with advice', () =>
    inWorker(async (model) => {
      const schedule = thrown(() => model.fit(textData(), { optimizer: adam(), schedule: () => 1 }));
      expect(problemOf(schedule, 'INVALID_SETTING')).toMatchObject({
        path: 'schedule',
        help: 'Use a schedule of unspool, or a chain of them.',
      });
      const mine: Optimizer = { ...adam(), spec: { kind: 'mine', learningRate: 1 } };
      const optimizer = thrown(() => model.fit(textData(), { optimizer: mine }));
      expect(problemOf(optimizer, 'INVALID_SETTING')).toMatchObject({
        path: 'optimizer',
        problem: expect.stringContaining('"mine"'),
      });
      const train: BatchSource = { ...valueData(), shuffled: () => train };
      const source = thrown(() => model.fit({ train }, { optimizer: adam() }));
      expect(problemOf(source, 'INVALID_DATA').help).toContain('serve({sources})');
      expect(
        problemOf(
          thrown(() => model.fit(textData(), { ...LONG, ahead: -1 })),
          'INVALID_SETTING',
        ).path,
      ).toBe('ahead');
    }));

  test('a function, a symbol and nesting without an end throw INVALID_SETTING, which names their place', () =>
    inWorker(async (model) => {
      const deep: unknown[] = [];
      for (let i = 0, list = deep; i < 1e5; i++) list.push((list = []) as never);
      const [batch] = [textData().validation.batch(0)];
      const unsendable: [string, () => Promise<unknown>][] = [
        ['loss.reduction', () => model.evaluateSource(textData().validation, { reduction: () => 1 } as never)],
        ['inputs[2]', () => model.predict([1, 2, Symbol('three')] as never)],
        ['options.from', () => model.predict([1], { from: { h: [1], c: () => [1] } } as never)],
        ['batch.weights', () => model.evaluate({ ...batch, weights: Math.sin } as never)],
        ['inputs', () => model.predict(deep as never)],
        ['gradient', () => collect(model.fit(textData(), { ...LONG, gradient: async () => ({ loss: 1 }) }))],
      ];
      for (const [path, act] of unsendable) {
        const problem = problemOf(await rejected(act), 'INVALID_SETTING');
        expect(problem.path).toContain(path);
        expect(problem).toMatchObject({
          problem: expect.stringContaining('cannot be sent to a worker'),
          help: 'Pass plain data: numbers, strings, arrays and objects of them.',
        });
      }
      expect((await model.predict([1])).output.data).toHaveLength(model.outputSize); // no call is left pending
    }));

  test('a source of an unknown kind throws INVALID_DATA', () =>
    inWorker(async (model) => {
      const train: BatchSource = { ...valueData(), describe: () => ({ kind: 'sines', count: 3 }) };
      const error = await rejected(() => collect(model.fit({ train }, { optimizer: adam() })));
      expect(problemOf(error, 'INVALID_DATA').problem).toContain('"sines"');
    }));

  test('a custom worker file provides its own kind of source', async () => {
    const own = workerOf(
      'sines',
      `import { serve } from 'unspool/worker';
       serve({ sources: { sines: ({ count }) => ({
         stateful: false,
         length: count,
         batch: (k) => ({ steps: 2, batchSize: 1, inputs: [0, k, 1, 1, k, 0].map(Math.sin), targets: [k, 0, 0, k] }),
       }) } });`,
    );
    const model = await createModelInWorker(VALUE_SPEC, { worker: own });
    const train: BatchSource = {
      ...valueData(),
      length: 3,
      describe: () => ({ kind: 'sines', count: 3 }),
      shuffled: () => train,
    };
    expect((await collect(model.fit({ train }, { optimizer: adam() }))).at(-1)).toMatchObject({
      kind: 'end',
      update: 3,
    });
    await model.dispose();
  });
});

describe('one model, one training at a time', () => {
  test('a second training of a model throws while the first is iterated, and runs afterwards', () =>
    inWorker(async (model) => {
      const first = model.fit(textData(), LONG);
      for await (const event of first) {
        const error = await rejected(() => collect(model.fit(textData(), LONG)));
        expect(problemOf(error, 'INVALID_SETTING')).toMatchObject({ path: 'fit' });
        expect(problemOf(await rejected(() => collect(first)), 'INVALID_SETTING').problem).toContain('already');
        if (event.update === 2) break;
      }
      expect((await collect(model.fit(textData(), { ...LONG, maxUpdates: 3 }))).at(-1)).toMatchObject({ update: 3 });
    }));

  test('a second model in a worker throws, and the first keeps working', () =>
    inWorker(async (model) => {
      const error = await rejected(() => createModelInWorker(VALUE_SPEC, { worker }));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe('worker');
      expect((await model.predict([1])).output.data).toHaveLength(model.outputSize);
    }));
});

describe('ends of models, trainings and workers', () => {
  test('dispose() during a training makes the iteration throw DISPOSED immediately', async () => {
    const model = await createModelInWorker(TEXT_SPEC, { worker });
    const training = model.fit(textData(), LONG);
    const seen: number[] = [];
    const running = rejected(async () => {
      for await (const event of training) if (seen.push(event.update) === 5) void model.dispose();
    });
    expect(problemOf(await running, 'DISPOSED').what).toBe('The model');
    expect(seen.length).toBeLessThan(5 + 4);
    await model.dispose();
    const late = [
      () => model.predict([1]),
      () => model.parameters.download(),
      () => training.checkpoint(),
      () => training.pause(),
      () => collect(model.fit(textData(), LONG)),
      () => model.stream().step([1]),
    ];
    for (const act of late) expect((await rejected(act)).code).toBe('DISPOSED');
    await inWorker(async (next) => expect(next.size).toBe(model.size)); // the worker accepts a new model
  });

  test('after dispose() a worker that was passed in has no listeners and does not keep the process alive', async () => {
    const own = startWorker();
    const kept: boolean[] = [];
    const [ref, unref] = [own.ref.bind(own), own.unref.bind(own)];
    Object.assign(own, { ref: () => kept.push(true) && ref(), unref: () => kept.push(false) && unref() });
    const counts = () => ['message', 'messageerror', 'error', 'exit'].map((event) => own.listenerCount(event));
    const before = counts();
    const model = await createModelInWorker(TEXT_SPEC, { worker: own });
    await model.predict([1]);
    expect(counts()).toEqual(before.map((n) => n + 1));
    await model.dispose();
    expect(counts()).toEqual(before);
    expect(kept).toContain(true);
    expect(kept.at(-1)).toBe(false);
  });

  test('training.dispose() ends the training and leaves the model usable', () =>
    inWorker(async (model) => {
      const training = model.fit(textData(), LONG);
      for await (const event of training) if (event.update === 2) break;
      training.dispose();
      expect(problemOf(await rejected(() => training.checkpoint()), 'DISPOSED').what).toBe('The training');
      expect((await model.predict([1])).output.data).toHaveLength(model.outputSize);
    }));

  test('when a worker is terminated during a training, pending and later calls throw WORKER_LOST', async () => {
    const victim = startWorker();
    const model = await createModelInWorker(TEXT_SPEC, { worker: victim });
    const training = model.fit(textData(), LONG);
    const running = rejected(async () => {
      for await (const event of training) if (event.update === 3) void victim.terminate();
    });
    const error = await running;
    expect(problemOf(error, 'WORKER_LOST').problem).toContain('it ended with code 1');
    expect(error.message).toContain('create a new one, or load a checkpoint');
    for (const act of [() => model.predict([1]), () => collect(training), () => training.checkpoint()]) {
      expect((await rejected(act)).code).toBe('WORKER_LOST');
    }
    await model.dispose();
  });

  test('a worker that throws, cannot be loaded or does not call serve() is WORKER_LOST, with the reason', async () => {
    const [throwing, missing, idle] = [
      workerOf('throwing', `throw new RangeError('no luck');`),
      startWorker(join(folder, 'nowhere.mjs')),
      workerOf('idle', ''),
    ];
    const lost = async (own: Worker) =>
      problemOf(await rejected(() => createModelInWorker(TEXT_SPEC, { worker: own })), 'WORKER_LOST').problem;
    expect(await Promise.all([throwing, missing, idle].map(lost))).toEqual([
      'it failed (no luck).',
      expect.stringContaining('Cannot find module'),
      'it ended with code 0.',
    ]);
  });

  test('serve() rejects unknown options and makers that are not functions', () => {
    for (const options of [null, 5, { source: {} }, { sources: null }, { sources: { mine: 3 } }]) {
      expect(thrown(() => serve(options as object)).code).toBe('INVALID_SETTING');
    }
  });

  test('serve() outside a worker throws INVALID_SETTING', () => {
    expect(
      problemOf(
        thrown(() => serve()),
        'INVALID_SETTING',
      ).path,
    ).toBe('serve');
  });
});

describe('the process', () => {
  const run = async (program: string): Promise<string> => {
    const imports = `
      import { adam } from 'unspool';
      import { createModelInWorker } from 'unspool/worker';
      const spec = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 3 }, { kind: 'linear', size: 1 }] };
      const batch = { steps: 3, batchSize: 2, inputs: [1, 2, 3, 4, 5, 6], targets: [1, 2, 3, 4, 5, 6] };
      const train = { stateful: false, length: 50, batch: () => batch };`;
    const args = ['--input-type=module', '-e', imports + program];
    return (await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 40_000 })).stdout;
  };

  test('ends although an idle worker exists', async () => {
    expect(await run('await createModelInWorker(spec); console.log("made");')).toBe('made\n');
  });

  test('dispose() ends a worker that the package started', async () => {
    const printed = await run(`
      const { Worker } = process.getBuiltinModule('node:worker_threads');
      const { terminate } = Worker.prototype;
      let ended = 0;
      Worker.prototype.terminate = function () {
        return terminate.call(this).finally(() => console.log('ended', ++ended));
      };
      const model = await createModelInWorker(spec);
      await model.predict([1]);
      console.log('alive');
      await model.dispose();`);
    expect(printed).toBe('alive\nended 1\n');
  });

  test('ends although a paused training exists, but not while a training is awaited', async () => {
    const printed = await run(`
      const model = await createModelInWorker(spec, { threads: 2 });
      const training = model.fit({ train }, { optimizer: adam(), epochs: 1e6 });
      for await (const event of training) if (event.update === 20) break;
      await training.pause();
      let last;
      const other = await createModelInWorker(spec);
      for await (const event of other.fit({ train }, { optimizer: adam(), epochs: 3 })) last = event;
      console.log(JSON.stringify(last));`);
    expect(JSON.parse(printed)).toEqual({ kind: 'end', reason: 'finished', update: 150 });
  });
});
