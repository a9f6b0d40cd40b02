/** `unspool train` for classification and tagging: plans a training, or how it continues from a checkpoint. */
import { join } from 'node:path';
import { isObject } from '../../checks.js';
import { invalidData, UnspoolError } from '../../errors.js';
import { type Metadata, parseModel } from '../../index.js';
import { loadModel, lockFile, readBytes } from '../../node/index.js';
import { exists } from '../../node/read.js';
import type { LabelTask } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { readConfig } from '../config.js';
import { placeOf, requireResumable } from '../forecast/config.js';
import { createOutput, type Output, type OutputFlags } from '../output.js';
import { requireSeparate } from '../paths.js';
import { claimRunDirectory, isRunDirectory, RUN_FILES, removeIfEmpty } from '../runs/files.js';
import { checkpointTask } from '../runs/task.js';
import { dashed } from '../settings.js';
import type { BackendFlags } from '../train/backend.js';
import { checkpointFile, requireFree } from '../train/checkpoints.js';
import type { Validated } from '../train/task-training.js';
import { hashesOf, readData, type TaskFlags } from './read.js';
import { printSamples } from './report.js';
import { type LabelRun, runTraining } from './run.js';
import { LABEL_CONFIG, type LabelSettings, trainingOptionsOf } from './settings.js';

/** The options of the command that this job uses. */
interface Flags extends OutputFlags, TaskFlags, BackendFlags {
  readonly out: string | undefined;
  readonly run: string | undefined;
  readonly force: boolean;
  readonly tensorboard: boolean;
}

const OTHER_FLAGS = ['config', 'out', 'run', 'force', 'backend', 'threads', 'tensorboard', 'json', 'quiet'];

/** Flags override the config file. Throws `UsageError` for a flag that this job does not have. */
async function readSettings(options: Flags): Promise<LabelSettings> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  const unused = given.find(([key]) => !(key in LABEL_CONFIG) && !OTHER_FLAGS.includes(key));
  if (unused) throw new UsageError(`--${dashed(unused[0])} has no effect on a classifier or a tagger.`);
  const config = options.config === undefined ? {} : await readConfig(options.config, LABEL_CONFIG);
  return { ...config, ...Object.fromEntries(given.filter(([key]) => key in LABEL_CONFIG)) };
}

/** Reads the data and prints what it is. */
async function readAndPrint(task: LabelTask, file: string, given: LabelSettings, out: Output) {
  const read = await readData(task, file, given);
  const { label, tags, text, values } = read.settings;
  const what = `${label ?? tags ?? 'the spaces'} by ${text ?? values ?? 'its characters'}`;
  out.print(`${task === 'classification' ? 'Classification' : 'Tagging'} of ${file}: ${what}`);
  printSamples(read.data.describe(), out);
  return { ...read, hashes: await hashesOf(file, read) };
}

/** The options of the training. */
const trainingOf = (settings: LabelSettings, flags: BackendFlags) => ({
  ...trainingOptionsOf(settings),
  backend: placeOf(flags, settings.precision as 'float32' | 'float64' | undefined),
});

/** Trains a classifier or a tagger. Returns the exit code. */
export async function trainOnLabels(task: LabelTask, [argument]: readonly string[], options: Flags): Promise<number> {
  if (options.resume !== undefined) return resumeOnLabels(task, argument, options, options.resume);
  const given = await readSettings(options);
  const file = argument ?? given.table;
  if (file === undefined) throw new UsageError('missing FILE: a table, a folder with one file per class, or a text.');
  const { out: outFile, run, force, tensorboard } = options;
  if (run !== undefined && outFile !== undefined) throw new UsageError('--run cannot be combined with --out.');
  const out = createOutput(options);
  if (outFile !== undefined) {
    const outputs = [['--out', outFile] as const, ['the checkpoint of --out', checkpointFile(outFile)] as const];
    const inputs = [['the data', file] as const, ['the test file', given.testFile] as const];
    await requireSeparate(outputs, [...inputs, ['the config file', options.config]]);
    if (!force) await requireFree(outFile, checkpointFile(outFile));
  }
  const read = await readAndPrint(task, file, given, out);
  const directory = outFile === undefined ? await claimRunDirectory(run, file) : null;
  const model = outFile ?? join(directory!, RUN_FILES.model);
  return locked({ out, model, directory }, async () => ({
    ...{ ...read, out, task, file, model, directory, tensorboard, replace: force, resumed: null },
    config: { ...read.settings, task, table: file } as Metadata,
    training: trainingOf(read.settings, options),
  }));
}

/** Runs a training with its model locked. `begin` is called after the lock is taken. */
async function locked(
  { out, model, directory }: { out: Output; model: string; directory: string | null },
  begin: () => Promise<LabelRun>,
): Promise<number> {
  const unlock = await lockFile(model, { onWait: out.warn });
  try {
    return await runTraining(await begin());
  } finally {
    await unlock();
    if (directory !== null) await removeIfEmpty(directory);
  }
}

/** Continues a training from its checkpoint, bit for bit. */
async function resumeOnLabels(
  task: LabelTask,
  argument: string | undefined,
  options: Flags,
  path: string,
): Promise<number> {
  requireResumable(options, 'a classifier or a tagger');
  const directory = (await isRunDirectory(path)) ? path : null;
  const checkpoint = directory === null ? path : checkpointFile(join(directory, RUN_FILES.model));
  const model = checkpoint.replace(/\.checkpoint\.safetensors$/, '.safetensors');
  const out = createOutput(options);
  return locked({ out, model, directory }, async () => {
    if (!(await exists(checkpoint))) {
      const help = `To train again: unspool train --config ${join(path, RUN_FILES.config)}`;
      throw new UsageError(`${path} has no checkpoint: its training is finished. ${help}`);
    }
    const { config, file: table, data, best, arithmetic, state } = await readCheckpoint(checkpoint, task);
    const { task: _, table: __, ...settings } = config as LabelSettings;
    const file = argument ?? table;
    const read = await readAndPrint(task, file, settings, out);
    if (read.hashes.map(({ sha256 }) => sha256).join() !== data.join()) {
      const help = `Name that data: unspool train FILE --resume ${path}`;
      throw invalidData(file, 'this is not the data that the checkpoint was trained on.', help);
    }
    const loaded = await loadModel(
      checkpoint,
      placeOf(options, settings.precision as 'float32' | 'float64' | undefined),
    );
    const replace = directory !== null || (await isResultOf(model, config, data));
    if (!replace && (await exists(model))) {
      throw new UsageError(`${model} already exists and is not a result of this training. Move it away.`);
    }
    return {
      ...{ ...read, out, task, file, model, directory, replace, config, tensorboard: options.tensorboard },
      training: trainingOf(settings, options),
      resumed: { checkpoint, state, best, arithmetic, model: loaded.model },
    };
  });
}

/** Whether the file has a model of the same training: one that was killed after it had saved its model. */
async function isResultOf(file: string, config: Metadata, data: readonly string[]): Promise<boolean> {
  if (!(await exists(file))) return false;
  const { metadata } = parseModel(await readBytes(file), file);
  return String(metadata.dataSha256) === data.join() && JSON.stringify(metadata.settings) === JSON.stringify(config);
}

/** The parts of a checkpoint of a classifier or a tagger. Throws `FILE_ACCESS` and `INVALID_FILE`. */
async function readCheckpoint(file: string, task: LabelTask) {
  const { metadata, training: state } = parseModel(await readBytes(file), file);
  const { settings, table, dataSha256, best = null, arithmetic } = metadata;
  const isHashes = Array.isArray(dataSha256) && dataSha256.every((one) => typeof one === 'string');
  if (
    metadata.task !== checkpointTask(task) ||
    !state ||
    !isObject(settings) ||
    typeof table !== 'string' ||
    !isHashes
  ) {
    const problem = 'this is not a checkpoint of a classifier or a tagger.';
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem, help: 'Resume a run directory.' });
  }
  return {
    ...{ config: settings as Metadata, file: table, state, arithmetic, data: dataSha256 as readonly string[] },
    best: best as unknown as Validated | null,
  };
}
