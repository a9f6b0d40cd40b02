/** How a training continues from a checkpoint. */

import { basename, dirname, join } from 'node:path';
import { invalidData } from '../../errors.js';
import { type LoadedModel, type Metadata, parseModel, type TrainingState, UnspoolError } from '../../index.js';
import { readBytes, revectorize } from '../../node/index.js';
import { exists } from '../../node/read.js';
import { UsageError } from '../command.js';
import { createOutput } from '../output.js';
import { isSameFile, requireSeparate } from '../paths.js';
import { isRunDirectory, RUN_FILES } from '../runs/files.js';
import { arithmeticOf, isSameArithmetic } from './arithmetic.js';
import { loadCheckpoint, moveToFastest } from './backend.js';
import { checkpointFile, hasCode } from './checkpoints.js';
import { isSameTraining, resumedSettings } from './read-settings.js';
import type { TrainSettings } from './settings.js';
import { directoryOf, outputsOf, type PlannedRun, type Run, shapeOf, streamsOf, type TrainFlags } from './start.js';
import { type OpenText, openTrainingText } from './training-source.js';

/** Plans to continue the training of a checkpoint, which is read after the lock is taken: it may be that of a running training. */
export async function planResume(args: readonly string[], options: TrainFlags): Promise<PlannedRun> {
  const isRun = await isRunDirectory(options.resume!);
  const checkpoint = isRun ? checkpointFile(join(options.resume!, RUN_FILES.model)) : options.resume!;
  const { out: file = checkpoint.replace(/\.checkpoint\.safetensors$/, '.safetensors') } = options;
  for (const name of ['config', 'run'] as const) {
    if (options[name] !== undefined) throw new UsageError(`--${name} cannot be combined with --resume.`);
  }
  if (file === checkpoint) throw new UsageError('missing --out: where to save the model, next to the checkpoint.');
  const [model, checkpointOutput, lock] = outputsOf(file);
  await requireSeparate([model!, lock!], [['the checkpoint', checkpoint]]);
  await requireSeparate([model!, checkpointOutput!, lock!], [['the text', args[0]]]);
  const isIn = basename(file) === RUN_FILES.model && (await isRunDirectory(dirname(file)));
  const directory = options.out === undefined && isIn ? dirname(file) : null;
  let opened: OpenText | null = null;
  const open: typeof openTrainingText = async (textFile, reading) => {
    opened = await openTrainingText(textFile, reading);
    return opened;
  };
  const begin = () => resumeRun(checkpoint, { file, directory }, args, { ...options, open });
  return { file, directory, begin, close: async () => opened?.close() };
}

async function resumeRun(
  checkpoint: string,
  { file, directory }: Pick<PlannedRun, 'file' | 'directory'>,
  args: readonly string[],
  { open, ...options }: TrainFlags & { readonly open: typeof openTrainingText },
): Promise<Run> {
  await revectorize();
  const loaded = await loadCheckpoint(checkpoint, options);
  const { metadata, training, vocabulary } = requireCheckpoint(checkpoint, loaded);
  const settings = resumedSettings(checkpoint, metadata, options);
  const textFile = args[0] ?? metadata.text;
  await requireSeparate(outputsOf(file), [['the text', textFile]]);
  const replace = options.force || (await isEarlierResult(file, metadata, training.update));
  if (!replace) await requireFreeFor(file, checkpoint, options.out !== undefined);
  const {
    text,
    content,
    sha256: textHash,
  } = await open(textFile, {
    ...{ flags: options, asText: true, streams: streamsOf(settings), vocabulary, folder: dirname(file) },
    requireHash: (sha256) => {
      if (sha256 !== metadata.textSha256) throw anotherText(textFile, checkpoint);
    },
  });
  const out = createOutput(options);
  const model = await moveToFastest(loaded, checkpoint, shapeOf(settings), options);
  const arithmetic = await arithmeticOf(model);
  if (!isSameArithmetic(metadata.arithmetic, arithmetic)) {
    out.warn(
      `${checkpoint} was computed by ${metadata.arithmetic}, this is ${arithmetic}: the last digits will differ.`,
    );
  }
  return {
    ...{ out, settings, textFile, textHash, text, content, model, arithmetic, file, replace, shared: null },
    resumed: {
      ...{ file: checkpoint, update: training.update, best: metadata.best },
      training: withRate(training, settings, metadata),
    },
    directory: directoryOf(directory, { ...options, settings, text: textFile }, options),
  };
}

/** The parts of a checkpoint of `unspool train`. Throws `INVALID_FILE` for any other model file. */
function requireCheckpoint(file: string, { metadata, training, vocabulary }: LoadedModel) {
  const { text, settings } = metadata;
  if (!training || !vocabulary || typeof text !== 'string' || typeof settings !== 'object' || settings === null) {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file,
      problem: 'this is a finished model without a training state, so it cannot be resumed.',
      help: 'Resume from the file that ends in .checkpoint.safetensors.',
    });
  }
  return { metadata: { ...metadata, text } as Metadata & { readonly text: string }, training, vocabulary };
}

/** The state, which then does not insist on the learning rate that it was saved with. */
function withRate(training: TrainingState, { lr }: TrainSettings, { settings }: Metadata): TrainingState {
  if (!training.settings || lr === (settings as Partial<TrainSettings>).lr) return training;
  const { optimizer: _, ...others } = training.settings;
  return { ...training, settings: others };
}

const anotherText = (textFile: string, checkpoint: string): UnspoolError =>
  invalidData(
    textFile,
    'this is not the text that the checkpoint was trained on.',
    `Name that text: unspool train TEXT --resume ${checkpoint}`,
  );

/**
 * Whether the model in `file` is of the same training, and this checkpoint is at least as far: then it may be replaced. Any other
 * model needs `--force`.
 */
async function isEarlierResult(file: string, { textSha256, settings }: Metadata, update: number): Promise<boolean> {
  if (!(await exists(file))) return false;
  try {
    const { metadata } = parseModel(await readBytes(file), file);
    const isBehind = typeof metadata.updates === 'number' && metadata.updates <= update;
    return isBehind && metadata.textSha256 === textSha256 && isSameTraining(metadata.settings, settings);
  } catch (error) {
    if (hasCode(error, 'INVALID_FILE')) return false;
    throw error;
  }
}

/** Throws `UsageError` if another model, or the checkpoint of another training, would be overwritten. */
async function requireFreeFor(file: string, checkpoint: string, isOutGiven: boolean): Promise<void> {
  if (await exists(file)) {
    const why = isOutGiven ? '' : ' and is not an earlier result of this training';
    throw new UsageError(`${file} already exists${why}. Use --force to overwrite it, or another --out.`);
  }
  const own = checkpointFile(file);
  if ((await exists(own)) && !(await isSameFile(own, checkpoint))) {
    throw new UsageError(`${own} already exists. Use --force to overwrite it, or another --out.`);
  }
}
