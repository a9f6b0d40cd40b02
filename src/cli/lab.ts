/** The gradient laboratory: experiments, and comparisons of gradient estimators. Its code is loaded on demand. */
import { type Command, defineCommand } from './command.js';
import { COMPARE_OPTIONS, RUN_OPTIONS } from './lab/options.js';
import { OUTPUT_OPTIONS } from './output.js';

const listCommand = defineCommand({
  name: 'lab list',
  summary: 'Lists the experiments and the gradient estimators.',
  arguments: [],
  options: OUTPUT_OPTIONS,
  examples: [{ does: 'list everything', line: 'unspool lab list' }],
  async run(_args, options) {
    return (await import('./lab/list.js')).list(options);
  },
});

const runCommand = defineCommand({
  name: 'lab run',
  summary: 'Runs an experiment and saves a report. An interrupted experiment continues where it stopped.',
  arguments: [{ name: 'EXPERIMENT', help: 'the id of an experiment (see: unspool lab list)' }],
  options: RUN_OPTIONS,
  savesFiles: true,
  examples: [
    { does: 'run an experiment, with a report in runs/lab/a1/', line: 'unspool lab run a1' },
    { does: 'run it at full length with five seeds', line: 'unspool lab run a1 --full --seeds 5' },
  ],
  async run([id], options) {
    return (await import('./lab/run.js')).run(id!, options);
  },
});

const compareCommand = defineCommand({
  name: 'lab compare',
  summary: 'Compares gradient estimators with the exact gradient of a model.',
  arguments: [
    { name: '[MODEL]', help: 'a run directory or model file; without one, a small untrained LSTM reads noise' },
  ],
  options: COMPARE_OPTIONS,
  savesFiles: true,
  examples: [
    { does: 'compare two estimators on noise', line: 'unspool lab compare --estimators "tbptt:k1=1,k2=10 snap:n=1"' },
    {
      does: 'compare two on a trained model and a text',
      line: 'unspool lab compare model.safetensors --text novel.txt --estimators "eprop uoro"',
    },
  ],
  async run([file], options) {
    return (await import('./lab/compare.js')).compareEstimators(file, options);
  },
});

export const labCommands: readonly Command[] = [listCommand, runCommand, compareCommand];
