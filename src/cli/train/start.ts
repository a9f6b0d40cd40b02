/** How a training begins: with a new model, or from a checkpoint. */
import { createHash } from 'node:crypto';
import { invalidData } from '../../errors.js';
import {
  type LoadedModel,
  type Metadata,
  type Model,
  type PassShape,
  type TextData,
  type TrainingState,
  textStreams,
  UnspoolError,
} from '../../index.js';
import { readText, revectorize } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, type Output, type OutputFlags } from '../output.js';
import { withDataName } from '../text-model.js';
import { type BackendFlags, loadCheckpoint, moveToFastest, newModel } from './backend.js';
import { type Checkpoint, checkpointFile, requireFree } from './checkpoints.js';
import { languageModelSpec } from './language-model.js';
import { readSettings, resumedSettings } from './read-settings.js';
import type { TrainSettings } from './settings.js';

/** The options of the command, without the settings of the training, which `readSettings` picks. */
export interface TrainFlags extends BackendFlags, OutputFlags {
  readonly config: string | undefined;
  readonly out: string | undefined;
  readonly resume: string | undefined;
  readonly force: boolean;
}

/** One run of the command. */
export interface Run {
  readonly out: Output;
  readonly settings: TrainSettings;
  readonly textFile: string;
  readonly textHash: string;
  readonly text: TextData;
  readonly model: Model;
  readonly resumed: (Checkpoint & { readonly training: TrainingState }) | null;
  /** Where the model is saved. */
  readonly file: string;
}

const shapeOf = ({ steps, batchSize }: TrainSettings): PassShape => ({ steps, batchSize });

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Starts a new training. */
export async function startRun([textFile]: readonly string[], options: TrainFlags): Promise<Run> {
  if (textFile === undefined) throw new UsageError('missing TEXT: a UTF-8 text file, or --resume FILE.');
  const out = createOutput(options);
  const settings = await readSettings(options, options.config);
  const { out: file = 'model.safetensors' } = options;
  if (!options.force) await requireFree(file, checkpointFile(file));
  const content = await readText(textFile);
  const text = withDataName(textFile, () => textStreams(content, settings));
  if (settings.precision === 'float32') await revectorize();
  const spec = await languageModelSpec(settings, text.vocabulary.size);
  const model = await newModel(spec, settings.precision, shapeOf(settings), options);
  return { out, settings, textFile, textHash: hashOf(content), text, model, resumed: null, file };
}

/** Continues the training of a checkpoint. */
export async function resumeRun(args: readonly string[], options: TrainFlags): Promise<Run> {
  const checkpoint = options.resume!;
  const { out: file = checkpoint.replace(/\.checkpoint\.safetensors$/, '.safetensors') } = options;
  if (options.config !== undefined) throw new UsageError('--config cannot be combined with --resume.');
  if (file === checkpoint) throw new UsageError('missing --out: where to save the model, next to the checkpoint.');
  if (options.out !== undefined && !options.force) await requireFree(file);
  await revectorize();
  const loaded = await loadCheckpoint(checkpoint, options);
  const { metadata, training, vocabulary } = requireCheckpoint(checkpoint, loaded);
  const settings = resumedSettings(checkpoint, metadata, options);
  const textFile = args[0] ?? metadata.text;
  const content = await readText(textFile);
  const textHash = hashOf(content);
  if (textHash !== metadata.textSha256) throw anotherText(textFile, checkpoint);
  const text = withDataName(textFile, () => textStreams(content, { ...settings, vocabulary }));
  const resumed = { file: checkpoint, update: training.update, training: withRate(training, settings, metadata) };
  const out = createOutput(options);
  const model = await moveToFastest(loaded, checkpoint, shapeOf(settings), options);
  const arithmetic = arithmeticOf(model);
  if (metadata.arithmetic !== arithmetic) {
    out.warn(
      `${checkpoint} was computed by ${metadata.arithmetic}, this is ${arithmetic}: the last digits will differ.`,
    );
  }
  return { out, settings, textFile, textHash, text, model, resumed, file };
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

/** Apart from the settings, the last digits depend on the backend and on whether a product is rounded before it is added. */
export const arithmeticOf = ({ kernels: { name, variant } }: Model): string =>
  variant === 'relaxed' || variant === 'revec' ? `${name}, fused multiply-add` : name;
