/** How a training begins. */
import { createHash } from 'node:crypto';
import { type Model, type PassShape, type TextData, type TrainingState, textStreams } from '../../index.js';
import { revectorize } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, type Output, type OutputFlags } from '../output.js';
import { type NamedFile, requireSeparate } from '../paths.js';
import { withDataName } from '../text-model.js';
import { arithmeticOf } from './arithmetic.js';
import { type BackendFlags, newModel } from './backend.js';
import { type Checkpoint, checkpointFile, requireFree } from './checkpoints.js';
import { languageModelSpec } from './language-model.js';
import { readSettings } from './read-settings.js';
import type { TrainSettings } from './settings.js';
import { readTrainingText } from './training-text.js';

/** The options of the command, without the settings of the training, which `readSettings` picks. */
export interface TrainFlags extends BackendFlags, OutputFlags {
  readonly config: string | undefined;
  readonly out: string | undefined;
  readonly resume: string | undefined;
  readonly force: boolean;
  readonly asText: boolean;
}

/** One run of the command. */
export interface Run {
  readonly out: Output;
  readonly settings: TrainSettings;
  readonly textFile: string;
  readonly textHash: string;
  readonly text: TextData;
  readonly model: Model;
  readonly arithmetic: string;
  readonly resumed: (Checkpoint & { readonly training: TrainingState }) | null;
  /** Where the model is saved. */
  readonly file: string;
  /** Whether it may replace a model there. */
  readonly replace: boolean;
}

export const shapeOf = ({ steps, batchSize }: TrainSettings): PassShape => ({ steps, batchSize });

/** The settings of the streams of text. */
export const streamsOf = ({ batchSize, steps, validationSplit }: TrainSettings) => ({
  batchSize,
  steps,
  validationSplit,
});

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A run whose files are known. */
export interface PlannedRun {
  /** Where the model is saved. The caller locks it before `begin`. */
  readonly file: string;
  begin(): Promise<Run>;
}

/** The files that a run writes, as they are named in messages. */
export const outputsOf = (file: string): NamedFile[] => [
  ['--out', file],
  ['the checkpoint of --out', checkpointFile(file)],
  ['the lock of --out', `${file}.lock`],
];

/** Plans a new training: reads the settings and the text, and checks that no input would be overwritten. */
export async function planRun([textFile]: readonly string[], options: TrainFlags): Promise<PlannedRun> {
  if (textFile === undefined) throw new UsageError('missing TEXT: a UTF-8 text file, or --resume FILE.');
  const { out: file = 'model.safetensors', config, force } = options;
  const inputs: NamedFile[] = [
    ['the text', textFile],
    ['the config file', config],
  ];
  await requireSeparate(outputsOf(file), inputs);
  const settings = await readSettings(options, config);
  const content = await readTrainingText(textFile, options);
  const begin = async (): Promise<Run> => {
    if (!force) await requireFree(file, checkpointFile(file));
    const out = createOutput(options);
    const text = withDataName(textFile, () => textStreams(content, streamsOf(settings)));
    if (settings.precision === 'float32') await revectorize();
    const spec = await languageModelSpec(settings, text.vocabulary.size);
    const model = await newModel(spec, settings.precision, shapeOf(settings), options);
    const arithmetic = await arithmeticOf(model);
    const textHash = hashOf(content);
    return { out, settings, textFile, textHash, text, model, arithmetic, resumed: null, file, replace: force };
  };
  return { file, begin };
}
