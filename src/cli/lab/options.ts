import { OUTPUT_OPTIONS } from '../output.js';
import { flag, integer, number, text, type ValuesOf } from '../settings.js';

const seeds = integer({ default: 3, min: 1, max: 1000, help: 'number of random seeds' });

export const RUN_OPTIONS = {
  seeds,
  workers: integer({ min: 1, max: 64, help: 'jobs that run in parallel', defaultText: 'one per core' }),
  full: flag('run at the full length of the paper, instead of minutes'),
  fresh: flag('discard earlier results'),
  out: text({ placeholder: 'DIR', help: 'where to save results and reports', defaultText: 'runs/lab/EXPERIMENT' }),
  ...OUTPUT_OPTIONS,
};

export type RunOptions = ValuesOf<typeof RUN_OPTIONS>;

const MAX_COUNT = 1 << 20;

export const COMPARE_OPTIONS = {
  estimators: text({ placeholder: 'LIST', help: 'the estimators, such as "bptt tbptt:k1=1,k2=10 uoro"' }),
  text: text({ placeholder: 'FILE', help: 'the text that MODEL reads' }),
  hiddenSize: integer({
    default: 16,
    min: 1,
    max: MAX_COUNT,
    help: 'units of the LSTM, used without MODEL',
    formerName: 'units',
  }),
  steps: integer({ default: 60, min: 1, max: MAX_COUNT, help: 'length of the sequence' }),
  draws: integer({ default: 256, min: 1, max: MAX_COUNT, help: 'draws of each stochastic estimator' }),
  lr: number({
    min: 0,
    placeholder: 'RATE',
    help: 'also measure staleness: update the parameters with this learning rate after each emission',
    formerName: 'rate',
    otherName: 'learningRate',
  }),
  seeds,
  out: text({ placeholder: 'DIR', help: 'where to save a report', defaultText: 'none' }),
  ...OUTPUT_OPTIONS,
};

export type CompareOptions = ValuesOf<typeof COMPARE_OPTIONS>;
