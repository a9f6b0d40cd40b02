/** The gradient laboratory on the command line. What it runs is loaded when it is asked for. */
import { type Command, UsageError } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';

export const labCommand: Command = {
  name: 'lab',
  summary: 'Ways to train through time, compared: experiments, and estimators of the gradient.',
  arguments: [
    { name: 'ACTION', help: 'list, run or compare' },
    { name: '[WHAT]', help: 'run: the experiment; compare: a model file (default: a small LSTM on noise)' },
  ],
  options: {
    seeds: { type: 'integer', help: 'different random numbers', standard: 3 },
    workers: { type: 'integer', help: 'jobs side by side', standard: 'one a core' },
    full: { type: 'flag', help: 'run: as long as its source has it, instead of minutes' },
    out: { type: 'text', value: 'DIR', help: 'where results and reports go', standard: 'run: runs/lab/EXPERIMENT' },
    fresh: { type: 'flag', help: 'run: forget the results that are there' },
    estimators: { type: 'text', value: 'LIST', help: 'compare: such as "bptt tbptt:k1=1,k2=10 uoro"' },
    text: { type: 'text', value: 'FILE', help: 'compare: what the model reads (with a model file)' },
    steps: { type: 'integer', help: 'compare: length of the sequence', standard: 60 },
    draws: { type: 'integer', help: 'compare: draws of each random estimator', standard: 256 },
    rate: { type: 'number', help: 'compare: also while theta moves, by this rate after each emission' },
    units: { type: 'integer', help: 'compare: size of the LSTM, where no model is given', standard: 16 },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'what there is', line: 'unspool lab list' },
    { does: 'an experiment, with a report in runs/lab/a1/', line: 'unspool lab run a1' },
    { does: 'two estimators on noise', line: 'unspool lab compare --estimators "tbptt:k1=1,k2=10 snap:n=1"' },
    {
      does: 'on a trained model and a text',
      line: 'unspool lab compare model.safetensors --text novel.txt --estimators "eprop uoro"',
    },
  ],
  async run([action, what], options) {
    switch (action) {
      case 'list':
        return (await import('./lab/list.js')).list(options);
      case 'run':
        if (what === undefined) throw new UsageError('WHAT is missing: the experiment. `unspool lab list` tells them');
        return (await import('./lab/run.js')).run(what, options);
      case 'compare':
        return (await import('./lab/compare.js')).compareEstimators(what, options);
      default:
        throw new UsageError(`there is no "${action}": use list, run or compare`);
    }
  },
};
