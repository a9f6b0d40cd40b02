import { describe, expect, test } from '@jest/globals';

import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import { adam } from '../../src/optim/adam.js';
import { grouped } from '../../src/optim/grouped.js';
import { chain, cosine, linearWarmup, reduceOnPlateau } from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit, type TrainingEvent, type TrainingState } from '../../src/train/trainer.js';
import { createModelInWorker, type WorkerFitOptions, type WorkerModel } from '../../src/worker/index.js';
import { collect, startWorker, TEXT_SPEC, textData, VALUE_SPEC, valueData } from './support.js';

/** One worker for all tests: it holds one model after the other. */
const worker = startWorker();

const inWorker = async <T>(act: (model: WorkerModel) => Promise<T>, backend = {}): Promise<T> => {
  const model = await createModelInWorker(TEXT_SPEC, { ...backend, worker });
  try {
    return await act(model);
  } finally {
    await model.dispose();
  }
};

const options = (more: Partial<WorkerFitOptions> = {}): WorkerFitOptions => ({
  optimizer: adam({ learningRate: 0.01 }),
  schedule: cosine,
  clipNorm: 0.5,
  epochs: 3,
  validateEvery: 3,
  ...more,
});

/** Events, weights and the state after each event of the same training on this thread. */
async function local(more: Partial<WorkerFitOptions> = {}, backend = {}) {
  const model = await createModel(TEXT_SPEC, backend);
  const training = fit(model, textData(), options(more));
  const events: TrainingEvent[] = [];
  const states: TrainingState[] = [];
  for await (const event of training) {
    events.push(event);
    states.push(await training.checkpoint());
  }
  return { events, states, parameters: await model.parameters.download() };
}

const positions = (events: readonly TrainingEvent[]): string[] => events.map((e) => `${e.kind} ${e.update}`);

/** As plain numbers, to compare bit for bit. */
const plain = (map: ReadonlyMap<string, ArrayLike<number>>) =>
  [...map].map(([name, values]) => [name, [...Array.from(values)]]);
const plainState = ({ optimizer, carried, ...rest }: TrainingState) => ({
  ...rest,
  optimizer: plain(optimizer),
  carried: carried?.map(({ h, c }) => [Array.from(h), Array.from(c)]),
});

describe('bit-identical to a training on this thread', () => {
  const BACKENDS = [
    { backend: 'reference', precision: 'float64' },
    { backend: 'reference', precision: 'float32' },
    { backend: 'wasm' },
    { backend: 'wasm', threads: 2 },
  ] as const;

  test.each(BACKENDS)('events, parameters and checkpoint: %j', async (backend) => {
    const expected = await local({}, backend);
    await inWorker(async (model) => {
      const training = model.fit(textData(), options());
      expect(await collect(training)).toEqual(expected.events);
      expect(plain(await model.parameters.download())).toEqual(plain(expected.parameters));
      expect(plainState(await training.checkpoint())).toEqual(plainState(expected.states.at(-1)!));
      expect(await training.validate()).toBe((expected.events.at(-2) as { loss: number }).loss);
    }, backend);
  });

  const text = (spec: ModelSpec, options: () => FitOptions) => ({ spec, data: textData, options });
  const values = (options: () => FitOptions) => ({
    spec: VALUE_SPEC,
    data: () => ({ train: valueData(), validation: valueData() }),
    options,
  });
  const dropping: ModelSpec = {
    ...TEXT_SPEC,
    layers: TEXT_SPEC.layers.toSpliced(2, 0, { kind: 'dropout', rate: 0.3 }),
  };
  const plateau = () => {
    const schedule = reduceOnPlateau({ factor: 0.5, patience: 0, threshold: 0.5 });
    schedule.observe(1e-3); // as if it had watched another training
    return schedule;
  };

  test.each([
    [
      'batches in a list, another seed',
      values(() => ({ optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), seed: 5 })),
    ],
    [
      'noise, an average, parameter groups, a schedule with settings',
      text(dropping, () => ({
        optimizer: grouped({ groups: [{ match: '*.bias_*', optimizer: sgd({ learningRate: 0.1 }) }], rest: adam() }),
        schedule: chain([{ steps: 3, schedule: linearWarmup({ steps: 3 }) }, { schedule: cosine }]),
        gradientNoise: { eta: 1e-4 },
        average: { kind: 'ema', decay: 0.8 },
        epochs: 2,
      })),
    ],
    [
      'a schedule and early stopping that watch the validation loss',
      values(() => ({
        optimizer: adam({ learningRate: 0.3 }),
        schedule: plateau(),
        earlyStopping: { patience: 3 },
        epochs: 200,
      })),
    ],
  ])('%s', async (_, { spec, data, options }) => {
    const [here, there] = [await createModel(spec), await createModelInWorker(spec, { worker })];
    const [local, remote] = [fit(here, data(), options()), there.fit(data(), options())];
    expect(remote.updates).toBe(local.updates);
    const expected = await collect(local);
    expect(await collect(remote)).toEqual(expected);
    expect(plain(await there.parameters.download())).toEqual(plain(await here.parameters.download()));
    expect(plainState(await remote.checkpoint())).toEqual(plainState(await local.checkpoint()));
    if (options().earlyStopping) expect(expected.at(-1)).toMatchObject({ reason: 'stoppedEarly' });
    await there.dispose();
  });
});

describe('running ahead', () => {
  test.each([0, 1, 4])(
    'ahead %i: the events are the same, and a checkpoint is at most that many updates further',
    async (ahead) => {
      const { events, states } = await local();
      await inWorker(async (model) => {
        const training = model.fit(textData(), options({ ahead }));
        let seen = 0;
        for await (const event of training) {
          expect(event).toEqual(events[seen]);
          // Not past an event that is not an update.
          let at = seen;
          while (at < seen + ahead && events[at]!.kind === 'update') at++;
          expect(plainState(await training.checkpoint())).toEqual(plainState(states[at]!));
          seen++;
        }
        expect(seen).toBe(events.length);
      });
    },
  );

  test('leaving the loop and iterating again loses no event', async () => {
    const { events, parameters } = await local();
    for (const ahead of [0, 2]) {
      await inWorker(async (model) => {
        const training = model.fit(textData(), options({ ahead }));
        const got: TrainingEvent[] = [];
        for (const stop of [2, 5, 6, 11]) {
          for await (const event of training) {
            got.push(event);
            if (event.kind === 'update' && event.update === stop) break;
          }
          const { update } = await training.checkpoint();
          expect([stop <= update, update <= stop + ahead]).toEqual([true, true]);
        }
        got.push(...(await collect(training)));
        expect(got).toEqual(events);
        expect(plain(await model.parameters.download())).toEqual(plain(parameters));
        expect(await collect(training)).toEqual([events.at(-1)]);
      });
    }
  });

  test('a checkpoint after a break is at the same update in every run', async () => {
    const where = () =>
      inWorker(async (model) => {
        const training = model.fit(textData(), options());
        for await (const event of training) if (event.update === 5) break;
        return plainState(await training.checkpoint());
      });
    const first = await where();
    expect(first.update).toBe(6); // a validation is due there
    expect(await where()).toEqual(first);
  });
});

describe('resuming from a checkpoint', () => {
  test('made in a worker, it resumes in a worker and on this thread', async () => {
    const expected = await local();
    const made = await inWorker(async (model) => {
      const training = model.fit(textData(), options({ ahead: 0 }));
      for await (const event of training) if (event.update === 6) break;
      return { state: await training.checkpoint(), parameters: await model.parameters.download() };
    });
    expect(plainState(made.state)).toEqual(
      plainState(expected.states[positions(expected.events).indexOf('update 6')]!),
    );
    const rest = expected.events.slice(positions(expected.events).indexOf('update 6') + 1);
    await inWorker(async (model) => {
      for (const [name, values] of made.parameters) await model.parameters.set(name, values);
      expect(await collect(model.fit(textData(), options(), made.state))).toEqual(rest);
      expect(plain(await model.parameters.download())).toEqual(plain(expected.parameters));
      expect(made.state.optimizer.get('m')!.length).toBe(model.size); // it was copied, not transferred
    });
    const here = await createModel(TEXT_SPEC);
    for (const [name, values] of made.parameters) here.parameters.set(name, values);
    expect(await collect(fit(here, textData(), options(), made.state))).toEqual(rest);
  });
});

describe('pause', () => {
  test('no update is made while paused, calls are answered, and the training ends with the same bits', async () => {
    const { events, states, parameters } = await local();
    await inWorker(async (model) => {
      const training = model.fit(textData(), options());
      const got: TrainingEvent[] = [];
      let onPause: (pause: Promise<void>) => void = () => {};
      const paused = new Promise<void>((resolve) => (onPause = resolve));
      const running = (async () => {
        for await (const event of training) {
          got.push(event);
          if (event.kind === 'update' && event.update === 4) onPause(training.pause());
        }
      })();
      await paused;
      const state = await training.checkpoint();
      expect(state.update).toBeGreaterThanOrEqual(4);
      expect(state.update).toBeLessThanOrEqual(4 + 2);
      expect(states.map(plainState)).toContainEqual(plainState(state));
      const before = plain(await model.parameters.download());
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(plainState(await training.checkpoint())).toEqual(plainState(state));
      expect(plain(await model.parameters.download())).toEqual(before);
      expect(await training.validate()).toEqual(expect.any(Number));
      expect(got.length).toBeLessThan(events.length);
      training.resume();
      await running;
      expect(got).toEqual(events);
      expect(plain(await model.parameters.download())).toEqual(plain(parameters));
    });
  });

  test('after leaving the loop while paused, resume() makes no update', () =>
    inWorker(async (model) => {
      const training = model.fit(textData(), options({ ahead: 4 }));
      for await (const event of training) {
        expect(event.update).toBe(1);
        await training.pause();
        break;
      }
      const { update } = await training.checkpoint();
      training.resume();
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect((await training.checkpoint()).update).toBe(update);
    }));

  test('leaving the loop ends the iteration even while paused', async () => {
    const { events } = await local();
    await inWorker(async (model) => {
      const training = model.fit(textData(), options());
      for await (const event of training) {
        expect(event).toEqual(events[0]);
        await training.pause();
        break;
      }
      training.resume();
      expect(await collect(training)).toEqual(events.slice(1));
    });
  });
});

describe('abort', () => {
  test('ends after the current update, with the weights of that many updates', async () => {
    await inWorker(async (model) => {
      const controller = new AbortController();
      const { signal } = controller;
      const events: TrainingEvent[] = [];
      for await (const event of model.fit(textData(), options({ signal, epochs: 1000, validateEvery: 1e6 }))) {
        events.push(event);
        if (event.update === 3) controller.abort();
      }
      const end = events.at(-1)!;
      expect(end).toMatchObject({ kind: 'end', reason: 'aborted' });
      expect(end.update).toBeLessThanOrEqual(3 + 2); // prefetched updates
      const { parameters } = await local({
        epochs: 1000,
        maxUpdates: end.update,
        schedule: (step, _, time) => cosine(step, 4000, time),
      });
      expect(plain(await model.parameters.download())).toEqual(plain(parameters));
    });
  });

  test('before the start, makes no update', async () => {
    await inWorker(async (model) => {
      const before = await model.parameters.download();
      const events = await collect(model.fit(textData(), options({ signal: AbortSignal.abort() })));
      expect(events).toEqual([{ kind: 'end', reason: 'aborted', update: 0 }]);
      expect(plain(await model.parameters.download())).toEqual(plain(before));
    });
  });

  test('ends a paused training', async () => {
    await inWorker(async (model) => {
      const controller = new AbortController();
      const training = model.fit(textData(), options({ signal: controller.signal, epochs: 1000 }));
      const running = collect(training);
      await training.pause();
      controller.abort();
      expect((await running).at(-1)).toMatchObject({ kind: 'end', reason: 'aborted' });
    });
  });
});
