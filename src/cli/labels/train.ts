/** `unspool train` for classification and tagging: plans a training, or how it continues from a checkpoint. */
import { join } from 'node:path';
import { isObject } from '../../checks.js';
import { invalidData, UnspoolError } from '../../errors.js';
import { type Metadata, parseModel } from '../../index.js';
import { loadModel, readBytes } from '../../node/index.js';
import { exists } from '../../node/read.js';
import type { LabelTask } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { createOutput, type Output, type OutputFlags } from '../output.js';
import { requireSeparate } from '../paths.js';
import { claimRunDirectory, RUN_FILES } from '../runs/files.js';
import { checkpointTask } from '../runs/task.js';
import type { BackendFlags } from '../train/backend.js';
import { checkpointFile, requireFree } from '../train/checkpoints.js';
import { mayReplace, requireCheckpoint, resumedFiles, withLock } from '../train/files.js';
import { requireResumable, taskSettings } from '../train/task-flags.js';
import type { Validated } from '../train/task-training.js';
import { hashesOf, readData, type TaskFlags } from './read.js';
import { printSamples } from './report.js';
import { runTraining } from './run.js';
import { LABEL_CONFIG, type LabelSettings } from './settings.js';
import { trainingOf } from './training.js';

/** How messages name what is trained. */
const WHAT = 'a classifier or a tagger';

/** The options of the command that this job uses. */
interface Flags extends OutputFlags, TaskFlags, BackendFlags {
  readonly out: string | undefined;
  readonly run: string | undefined;
  readonly force: boolean;
  readonly tensorboard: boolean;
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

/** Trains a classifier or a tagger. Returns the exit code. */
export async function trainOnLabels(task: LabelTask, [argument]: readonly string[], options: Flags): Promise<number> {
  if (options.resume !== undefined) return resumeOnLabels(task, argument, options, options.resume);
  const given = await taskSettings(options, LABEL_CONFIG, WHAT);
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
  return withLock({ model, directory }, out, () =>
    runTraining({
      ...{ ...read, out, task, file, model, directory, tensorboard, replace: force, resumed: null },
      config: { ...read.settings, task, table: file } as Metadata,
      training: trainingOf(read.settings, options),
    }),
  );
}

/** Continues a training from its checkpoint, bit for bit. */
async function resumeOnLabels(
  task: LabelTask,
  argument: string | undefined,
  options: Flags,
  path: string,
): Promise<number> {
  requireResumable(options, WHAT);
  const out = createOutput(options);
  const files = await resumedFiles(path);
  const { checkpoint } = files;
  return withLock(files, out, async () => {
    await requireCheckpoint(path, checkpoint);
    const { config, file: table, data, best, arithmetic, state } = await readCheckpoint(checkpoint, task);
    const { task: _, table: __, ...settings } = config as LabelSettings;
    const file = argument ?? table;
    const read = await readAndPrint(task, file, settings, out);
    if (read.hashes.map(({ sha256 }) => sha256).join() !== data.join()) {
      const help = `Name that data: unspool train FILE --resume ${path}`;
      throw invalidData(file, 'this is not the data that the checkpoint was trained on.', help);
    }
    const training = trainingOf(settings, options);
    const { model } = await loadModel(checkpoint, training.backend);
    const replace = await mayReplace(files, (result) => isResultOf(result, config, data));
    return runTraining({
      ...{ ...read, out, task, file, model: files.model, directory: files.directory, replace, config, training },
      tensorboard: options.tensorboard,
      resumed: { checkpoint, state, best, arithmetic, model },
    });
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
