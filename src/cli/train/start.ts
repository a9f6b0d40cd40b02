/** How a training begins. */
import { dirname, join } from 'node:path';
import type { DistributedGradient } from '../../distributed/index.js';
import type { Model, PassShape, TrainingState } from '../../index.js';
import { revectorize } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, type Output, type OutputFlags } from '../output.js';
import { type NamedFile, requireSeparate } from '../paths.js';
import { claimRunDirectory, RUN_FILES, RUNS } from '../runs/files.js';
import { arithmeticOf } from './arithmetic.js';
import { type BackendFlags, newModel } from './backend.js';
import { type Checkpoint, checkpointFile, requireFree } from './checkpoints.js';
import { languageModelSpec } from './language-model.js';
import { type Configuration, readConfiguration } from './read-settings.js';
import type { TrainSettings } from './settings.js';
import { type OpenText, openTrainingText, type ReadingFlags, type TrainingText } from './training-source.js';

/** The options of the command, without the settings of the training, which `readSettings` picks. */
export interface TrainFlags extends BackendFlags, OutputFlags, ReadingFlags {
  readonly config: string | undefined;
  readonly out: string | undefined;
  readonly run: string | undefined;
  readonly resume: string | undefined;
  readonly force: boolean;
  readonly asText: boolean;
  readonly tensorboard: boolean;
}

/** One run of the command. */
export interface Run {
  readonly out: Output;
  readonly settings: TrainSettings;
  readonly textFile: string;
  readonly textHash: string;
  readonly text: TrainingText;
  /** The text itself; null if it is streamed. */
  readonly content: string | null;
  readonly model: Model;
  readonly arithmetic: string;
  /** What this rank has of a training that several share, and what stops it; null without `--distributed`. */
  readonly shared: { readonly gradient: DistributedGradient; readonly stop: AbortController } | null;
  readonly resumed: (Checkpoint & { readonly training: TrainingState; readonly best: unknown }) | null;
  /** Where the model is saved. */
  readonly file: string;
  /** Whether it may replace a model there. */
  readonly replace: boolean;
  /** The run directory with its `config.json`; null with `--out`. */
  readonly directory: { readonly path: string; readonly config: object; readonly tensorboard: boolean } | null;
}

export const shapeOf = ({ steps, batchSize }: TrainSettings): PassShape => ({ steps, batchSize });

/** The settings of the streams of text. */
export const streamsOf = ({ batchSize, steps, validationSplit }: TrainSettings) => ({
  batchSize,
  steps,
  validationSplit,
});

/** A run whose files are known. */
export interface PlannedRun {
  /** Where the model is saved. The caller locks it before `begin`. */
  readonly file: string;
  /** The run directory, which the caller removes if nothing was written; null with `--out`. */
  readonly directory: string | null;
  begin(): Promise<Run>;
  /** Frees what the run reads from. */
  close(): Promise<void>;
}

/** The files that a run writes, as they are named in messages. */
export const outputsOf = (file: string): NamedFile[] => [
  ['--out', file],
  ['the checkpoint of --out', checkpointFile(file)],
  ['the lock of --out', `${file}.lock`],
];

/** Plans a new training: reads the settings and the text, and checks that no input would be overwritten. */
export async function planRun(args: readonly string[], options: TrainFlags): Promise<PlannedRun> {
  const { out, config, run } = options;
  if (run !== undefined && out !== undefined) throw new UsageError('--run cannot be combined with --out.');
  const outputs = out === undefined ? [] : outputsOf(out);
  await requireSeparate(outputs, [['the config file', config]]);
  const configuration = await readConfiguration(args, options);
  const { text: textFile } = configuration;
  if (textFile === undefined) throw new UsageError('missing TEXT: a UTF-8 text file, or --resume FILE.');
  await requireSeparate(outputs, [['the text', textFile]]);
  const { settings, asText, stream } = configuration;
  const opened = await openTrainingText(textFile, {
    ...{ flags: { stream, distributed: options.distributed }, asText, streams: streamsOf(settings) },
    folder: dirname(out ?? run ?? join(RUNS, 'run')),
  });
  try {
    const directory = out === undefined ? await claimRunDirectory(run, textFile) : null;
    const file = out ?? join(directory!, RUN_FILES.model);
    const begin = () => beginRun({ ...configuration, text: textFile }, opened, { file, directory }, options);
    return { file, directory, begin, close: opened.close };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function beginRun(
  configuration: Configuration & { readonly text: string },
  { text, sha256, content }: OpenText,
  { file, directory }: Pick<PlannedRun, 'file' | 'directory'>,
  options: TrainFlags,
): Promise<Run> {
  const { settings, text: textFile } = configuration;
  const { force } = options;
  if (directory === null && !force) await requireFree(file, checkpointFile(file));
  if (settings.precision === 'float32') await revectorize();
  const spec = await languageModelSpec(settings, text.vocabulary.size);
  const model = await newModel(spec, settings.precision, shapeOf(settings), configuration);
  return {
    out: createOutput(options),
    ...{ settings, textFile, textHash: sha256, text, content, model, file, shared: null },
    arithmetic: await arithmeticOf(model),
    resumed: null,
    replace: force,
    directory: directoryOf(directory, configuration, options),
  };
}

/** The run directory of a run; null with `--out`. */
export const directoryOf = (path: string | null, configuration: Configuration, { tensorboard }: TrainFlags) =>
  path === null ? null : { path, tensorboard, config: configOf(configuration) };

/** The content of `config.json`. */
function configOf({ settings, text, asText, stream, backend, threads }: Configuration): object {
  return {
    text,
    ...(asText && { asText }),
    ...(stream && { stream }),
    ...(backend !== undefined && { backend }),
    ...(threads !== undefined && { threads }),
    ...settings,
  };
}
