/** One table of trainings: in a worker, each gives the events and the errors that it gives on this thread. */
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import type { TrainingEvent } from '../../src/train/trainer.js';
import { type Calls, type Cases, describeBoth, outcome } from './both.js';
import { VALUE_SPEC, valueData } from './support.js';

const batch = valueData().batch(0);

/** Events until the end or an error. */
async function events(training: AsyncIterable<TrainingEvent>): Promise<unknown> {
  const seen: TrainingEvent[] = [];
  const result = await outcome(async () => {
    for await (const event of training) seen.push(event);
  });
  return { seen, result };
}

const fitted = async (m: Calls, options: unknown, data: unknown = { train: valueData() }, resume?: unknown) =>
  events(m.fit(data, options, resume));
const train = valueData();
const optimizer = adam();

const TRAININGS: Cases = {
  'an optimizer by name': (m) => fitted(m, { optimizer: 'sgd' }),
  'an optimizer by settings, a schedule by name': (m) =>
    fitted(m, { optimizer: { kind: 'adam', learningRate: 0.02 }, schedule: 'cosine', epochs: 2 }),
  'a schedule by settings': (m) => fitted(m, { optimizer, schedule: { kind: 'stepDown', every: 2, factor: 0.5 } }),
  'options that change after the call': async (m) => {
    const [options, list] = [{ optimizer: { kind: 'sgd', learningRate: 0.1 }, epochs: 2 }, { train: valueData() }];
    const training = m.fit(list, options);
    Object.assign(options, { epochs: 5 });
    Object.assign(options.optimizer, { learningRate: 9 });
    Object.assign(list, { train: null });
    return events(training);
  },
  'a validation loss of NaN': (m) =>
    fitted(m, { optimizer }, { train, validation: valueData((inputs) => (inputs[3] = Number.NaN)) }),
  'no options': (m) => fitted(m, undefined),
  'options of null': (m) => fitted(m, null),
  'no optimizer': (m) => fitted(m, {}),
  'an optimizer that is not called': (m) => fitted(m, { optimizer: adam }),
  'an unknown optimizer': (m) => fitted(m, { optimizer: 'adamm' }),
  'an unknown setting of an optimizer': (m) => fitted(m, { optimizer: { kind: 'adam', lr: 1 } }),
  'a misspelled option': (m) => fitted(m, { optimizer, epoch: 3 }),
  'an unknown loss': (m) => fitted(m, { optimizer, loss: 'mse' }),
  'epochs of null': (m) => fitted(m, { optimizer, epochs: null }),
  'a signal that is not one': (m) => fitted(m, { optimizer, signal: {} }),
  'an aborted signal': (m) => fitted(m, { optimizer, signal: { aborted: true } }),
  'no data': (m) => fitted(m, { optimizer }, null),
  'a list as data': (m) => fitted(m, { optimizer }, [batch]),
  'no train': (m) => fitted(m, { optimizer }, {}),
  'a misspelled part of the data': (m) => fitted(m, { optimizer }, { train, heldOut: train }),
  'a list as train': (m) => fitted(m, { optimizer }, { train: [batch] }),
  'no length': (m) => fitted(m, { optimizer }, { train: { batch: () => batch } }),
  'a length of 0': (m) => fitted(m, { optimizer }, { train: { length: 0, batch: () => batch } }),
  'an endless validation': (m) =>
    fitted(m, { optimizer }, { train, validation: { length: Number.POSITIVE_INFINITY, batch: () => batch } }),
  'early stopping without validation': (m) => fitted(m, { optimizer, earlyStopping: { patience: 2 } }),
  'a batch that is missing': (m) =>
    fitted(m, { optimizer }, { train: { length: 3, batch: (i: number) => [batch, batch][i] } }),
  'a batch that is a promise': (m) => fitted(m, { optimizer }, { train: { length: 3, batch: async () => batch } }),
  'a batch with a misspelled key': (m) =>
    fitted(m, { optimizer }, { train: { length: 1, batch: () => ({ ...batch, weigth: [] }) } }),
  'a batch with null': (m) =>
    fitted(
      m,
      { optimizer },
      { train: { length: 2, batch: (i: number) => ({ ...batch, ...(i && { inputs: null }) }) } },
    ),
  'a loss that does not fit the targets': (m) => fitted(m, { optimizer, loss: 'crossEntropy' }),
  'a checkpoint of null': (m) => fitted(m, { optimizer }, { train }, null),
  'a checkpoint of an empty object': (m) => fitted(m, { optimizer }, { train }, {}),
  'a checkpoint, with another optimizer': async (m) => {
    const training = m.fit({ train }, { optimizer });
    for await (const event of training) if (event.kind === 'update') break;
    return fitted(m, { optimizer: sgd({ learningRate: 0.1 }) }, { train }, await training.checkpoint());
  },
  'a checkpoint, with other data': async (m) => {
    const training = m.fit({ train }, { optimizer });
    for await (const event of training) if (event.kind === 'update') break;
    const other = valueData((inputs) => (inputs[0] = 7));
    return fitted(m, { optimizer }, { train: other }, await training.checkpoint());
  },
  'a loop in a loop over one training': async (m) => {
    const training = m.fit({ train }, { optimizer });
    for await (const _ of training) {
      const found = await events(training);
      return found;
    }
    return null;
  },
  'a training during another one': async (m) => {
    for await (const _ of m.fit({ train }, { optimizer })) {
      const found = await fitted(m, { optimizer });
      return found;
    }
    return null;
  },
  'a training after another one was left': async (m) => {
    for await (const event of m.fit({ train }, { optimizer, epochs: 9 })) if (event.update === 2) break;
    return events(m.fit({ train }, { optimizer, maxUpdates: 1 })).then((found) => Object.keys(found as object));
  },
  'after dispose()': async (m) => {
    const training = m.fit({ train }, { optimizer });
    training.dispose();
    return [
      await events(training),
      await outcome(() => training.checkpoint()),
      await outcome(() => training.validate()),
    ];
  },
};

describeBoth('trainings', VALUE_SPEC, TRAININGS);
