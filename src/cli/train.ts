import { defineCommand } from './command.js';
import { FORECAST_FLAGS, SHARED_FLAGS } from './forecast/settings.js';
import { LABEL_FLAGS } from './labels/settings.js';
import { OUTPUT_OPTIONS } from './output.js';
import { flag, integer, number, text } from './settings.js';
import { SETTING_FLAGS } from './train/settings.js';

const FILES = { group: 'Files' } as const;
const MACHINE = { group: 'Machine' } as const;

export const trainCommand = defineCommand({
  name: 'train',
  summary: 'Trains a language model on a text, a forecaster on a table, or a classifier or a tagger on samples.',
  arguments: [
    {
      name: '[TEXT]',
      help: 'a UTF-8 text, a table, or a folder with a file per class; optional with --resume and with a config file that names it',
    },
  ],
  options: {
    ...SETTING_FLAGS,
    ...SHARED_FLAGS,
    task: text({
      group: 'Data',
      choices: ['language-model', 'forecasting', 'classification', 'tagging'],
      help: 'language-model, forecasting, classification or tagging',
      defaultText: 'what the data and the other options are for',
    }),
    ...FORECAST_FLAGS,
    ...LABEL_FLAGS,
    config: text({
      ...FILES,
      placeholder: 'FILE',
      help: 'JSON with these settings, and with average, lstm, and objects for optimizer and schedule; flags override it',
    }),
    out: text({
      ...FILES,
      placeholder: 'FILE',
      help: 'save only the model and its checkpoint, without a run directory',
    }),
    run: text({
      ...FILES,
      placeholder: 'DIR',
      help: 'a new folder for the model, its configuration, checkpoint, metrics and plot',
      defaultText: 'runs/ and the name of the text',
    }),
    tensorboard: flag("also write TensorBoard's event files to the run directory", FILES.group),
    asText: flag('train on the characters of a table or of JSON', FILES.group),
    stream: flag('keep the text on disk, not in memory, as all texts above 64 MiB are', FILES.group),
    force: flag('overwrite an existing model of --out', FILES.group),
    resume: text({ ...FILES, placeholder: 'FILE', help: 'continue a run directory or a checkpoint, bit for bit' }),
    findLearningRate: flag('train shortly with growing learning rates, suggest one, and write no files', 'Training'),
    backend: text({
      ...MACHINE,
      help: 'wasm, blas, reference, gpu, gpu:webgpu or gpu:webgl2; auto picks the fastest',
      defaultText: 'wasm, or reference for float64',
    }),
    threads: integer({
      ...MACHINE,
      min: 1,
      help: 'number of threads; the result does not depend on it',
      defaultText: 'one per core, up to 4',
    }),
    distributed: text({
      ...MACHINE,
      choices: ['mpi'],
      help: 'mpi: the processes that mpirun or srun started share the training; the result does not depend on their number',
    }),
    ranks: integer({ ...MACHINE, min: 1, max: 4096, help: 'start N ranks with --starter' }),
    starter: text({
      ...MACHINE,
      placeholder: 'COMMAND',
      defaultText: 'mpirun',
      help: 'what starts --ranks, with its options',
    }),
    restarts: integer({
      ...MACHINE,
      defaultText: '0',
      min: 0,
      help: 'with --ranks: continue from the checkpoint up to N times when a rank dies',
    }),
    rankTimeout: number({
      ...MACHINE,
      defaultText: '600',
      min: 1,
      placeholder: 'SECONDS',
      help: 'report a rank that does not answer for so long',
    }),
    ...OUTPUT_OPTIONS,
  },
  savesFiles: true,
  examples: [
    { does: 'train a first model, in runs/novel', line: 'unspool train novel.txt' },
    { does: 'train a larger one', line: 'unspool train novel.txt --hidden-size 256 --layers 2 --epochs 5 --lr 0.003' },
    { does: 'continue after Ctrl-C or a crash', line: 'unspool train --resume runs/novel' },
    { does: 'train for more epochs', line: 'unspool train --resume runs/novel --epochs 10' },
    { does: 'find a learning rate first', line: 'unspool train novel.txt --find-learning-rate' },
    { does: 'repeat a run', line: 'unspool train --config runs/novel/config.json' },
    {
      does: 'train a forecaster, in runs/births',
      line: 'unspool train births.csv --date date --target births --history 28 --horizon 7',
    },
    { does: 'train a classifier, in runs/names', line: 'unspool train names.csv --text name --label sex' },
    { does: 'train a tagger that restores spaces', line: 'unspool train novel.txt --task tagging' },
    {
      does: 'train on 8 processes, which are restarted at most 4 times',
      line: 'unspool train novel.txt --run runs/big --distributed mpi --ranks 8 --restarts 4',
    },
    { does: 'save only a model', line: 'unspool train novel.txt --out novel.safetensors' },
  ],
  async run(args, options) {
    return (await import('./train/command.js')).runTrain(args, options);
  },
});
