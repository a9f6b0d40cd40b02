import { OUTPUT_OPTIONS } from '../output.js';
import { integer, number, setting, text, type ValuesOf } from '../settings.js';

const SEARCH = { group: 'Search' } as const;

/** The options of `unspool tune`. */
export const TUNE_OPTIONS = {
  method: setting<'asha' | 'random' | 'grid'>({
    ...SEARCH,
    type: 'text',
    choices: ['asha', 'random', 'grid'],
    default: 'asha',
    help: 'asha (random, stops bad trials early), random, or grid',
  }),
  trials: integer({ ...SEARCH, min: 1, max: 100_000, help: 'number of trials', defaultText: '20; a grid: all' }),
  seed: integer({
    ...SEARCH,
    default: 1,
    min: 0,
    help: 'random seed of the search; that of the trainings is a setting',
  }),
  factor: number({ ...SEARCH, default: 3, min: 2, max: 100, help: 'asha: one of N trials continues from each rung' }),
  rungs: integer({
    ...SEARCH,
    default: 3,
    min: 1,
    max: 10,
    help: 'asha: number of rungs, after 1/factor, 1/factor^2 ... of the updates',
  }),
  folds: integer({
    ...SEARCH,
    min: 1,
    max: 1000,
    help: 'classifiers and taggers: a trial is the mean over N folds; with 1, the validation part',
    defaultText: '1',
  }),
  origins: integer({
    ...SEARCH,
    min: 1,
    max: 1000,
    help: 'forecasters: a trial is the mean over N origins of a walk-forward validation',
    defaultText: '3',
  }),
  workers: integer({
    min: 1,
    max: 256,
    help: 'trials at the same time, on each rank; the result does not depend on it',
    defaultText: 'one per core, or one per rank',
  }),
  distributed: text({
    choices: ['mpi'],
    help: 'mpi: the processes that mpirun or srun started share the trials',
  }),
  rankTimeout: number({
    defaultText: '600',
    min: 1,
    placeholder: 'SECONDS',
    help: 'report a rank that does not answer for so long',
  }),
  budget: text({ placeholder: 'TIME', help: 'stop after this time, such as 90s, 20m or 2h', defaultText: 'no limit' }),
  out: text({
    placeholder: 'DIR',
    help: 'the folder of the study',
    defaultText: 'runs/tune- and the name of the configuration',
  }),
  ...OUTPUT_OPTIONS,
};

export type TuneFlags = ValuesOf<typeof TUNE_OPTIONS>;
