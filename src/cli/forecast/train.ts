/** `unspool train` on a table: plans the training of a forecaster, or how it continues from a checkpoint. */
import { join } from 'node:path';
import { isObject } from '../../checks.js';
import { invalidData } from '../../errors.js';
import { parseModel, UnspoolError } from '../../index.js';
import { loadModel, readBytes } from '../../node/index.js';
import { exists } from '../../node/read.js';
import { forecasting } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { sha256OfFile } from '../hash.js';
import { createOutput, type Output, type OutputFlags } from '../output.js';
import { requireSeparate } from '../paths.js';
import { claimRunDirectory, RUN_FILES } from '../runs/files.js';
import { placeOf } from '../train/backend.js';
import { checkpointFile, requireFree } from '../train/checkpoints.js';
import { mayReplace, requireCheckpoint, resumedFiles, withLock } from '../train/files.js';
import { requireResumable } from '../train/task-flags.js';
import type { Validated } from '../train/task-training.js';
import { CHECKPOINT_TASK, readTableSettings, type TableFlags, trainingOf } from './config.js';
import { printData } from './describe.js';
import { readTable } from './read-table.js';
import { runTraining } from './run.js';
import { isSeedResult, type SeedResult, type TableConfig } from './seeds.js';
import { FORECAST_SETTINGS, forecastingOptionsOf, type TableSettings } from './settings.js';

/** The options of the command that this job uses. */
interface Flags extends OutputFlags, TableFlags {
  readonly out: string | undefined;
  readonly run: string | undefined;
  readonly force: boolean;
  readonly tensorboard: boolean;
}

/** The outputs of a training, as they are named in messages. */
const outputsOf = (file: string) => [
  ['--out', file] as const,
  ['the checkpoint of --out', checkpointFile(file)] as const,
];

/** The table of a training, and what the training starts from. */
async function readData(file: string, settings: Partial<TableSettings>, out: Output) {
  const data = forecasting(await readTable(file, settings), forecastingOptionsOf(settings as TableSettings));
  out.print(`Forecasts ${settings.target} of ${file}`);
  printData(data.describe(), data.pipeline.settings, out);
  return data;
}

/** Trains a forecaster. Returns the exit code. */
export async function trainOnTable(args: readonly string[], options: Flags): Promise<number> {
  if (options.resume !== undefined) return resumeOnTable(args, options, options.resume);
  const settings = await readTableSettings(options);
  const file = args[0] ?? settings.table;
  if (file === undefined) throw new UsageError('missing FILE: a table to forecast.');
  const { out: outFile, run, force, tensorboard } = options;
  if (run !== undefined && outFile !== undefined) throw new UsageError('--run cannot be combined with --out.');
  for (const key of ['target', 'history', 'horizon'] as const) {
    if (settings[key] === undefined) throw new UsageError(`missing --${key}: ${FORECAST_SETTINGS[key].help}.`);
  }
  const out = createOutput(options);
  if (outFile !== undefined) {
    const inputs = [['the table', file] as const, ['the config file', options.config] as const];
    await requireSeparate(outputsOf(outFile), inputs);
    if (!force) await requireFree(outFile, checkpointFile(outFile));
  }
  const data = await readData(file, settings, out);
  const directory = outFile === undefined ? await claimRunDirectory(run, file) : null;
  const model = outFile ?? join(directory!, RUN_FILES.model);
  const config = { ...settings, task: 'forecasting', table: file } as TableConfig;
  const training = trainingOf(settings, options);
  return withLock({ model, directory }, out, async () =>
    runTraining({
      ...{ out, data, file, model, directory, tensorboard, config, training },
      ...{ tableHash: await sha256OfFile(file), replace: force, resumed: null },
    }),
  );
}

/** Continues a training from its checkpoint, bit for bit. */
async function resumeOnTable([argument]: readonly string[], options: Flags, path: string): Promise<number> {
  requireResumable(options, 'a forecaster');
  const out = createOutput(options);
  const files = await resumedFiles(path);
  const { checkpoint } = files;
  return withLock(files, out, async () => {
    await requireCheckpoint(path, checkpoint);
    const { settings, table, tableHash, done, best, arithmetic, training } = await readCheckpoint(checkpoint);
    const file = argument ?? table;
    if ((await sha256OfFile(file)) !== tableHash) {
      const help = `Name that table: unspool train TABLE --resume ${path}`;
      throw invalidData(file, 'this is not the table that the checkpoint was trained on.', help);
    }
    const data = await readData(file, settings, out);
    const loaded = await loadModel(checkpoint, placeOf(options, settings.precision));
    const replace = await mayReplace(files, (model) => isResultOf(model, { settings, tableHash }));
    return runTraining({
      ...{ out, data, file, model: files.model, directory: files.directory, tableHash, replace, config: settings },
      training: trainingOf(settings, options),
      tensorboard: options.tensorboard,
      resumed: { checkpoint, done, best, arithmetic, state: training, model: loaded.model },
    });
  });
}

/** Whether the file has a model of the same training: one that was killed after it had saved its model. */
async function isResultOf(file: string, of: { readonly settings: TableConfig; readonly tableHash: string }) {
  if (!(await exists(file))) return false;
  const { metadata } = parseModel(await readBytes(file), file);
  return metadata.tableSha256 === of.tableHash && JSON.stringify(metadata.settings) === JSON.stringify(of.settings);
}

/** The parts of a checkpoint of a forecaster. Throws `FILE_ACCESS` and `INVALID_FILE`. */
async function readCheckpoint(file: string) {
  const { model, metadata, training } = await loadModel(file, { backend: 'reference' });
  model.dispose();
  const { task, settings, table, tableSha256: tableHash, done, best, arithmetic } = metadata;
  const isNamed = isObject(settings) && typeof table === 'string' && typeof tableHash === 'string';
  const isComplete = isNamed && Array.isArray(done) && done.every(isSeedResult);
  if (task !== CHECKPOINT_TASK || !training || !isComplete) {
    const problem = 'this is not a checkpoint of a forecaster.';
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem, help: 'Resume a run directory.' });
  }
  return {
    ...{ training, tableHash, arithmetic, table, done: done as unknown as SeedResult[] },
    settings: settings as unknown as TableConfig,
    best: best as unknown as Validated | null,
  };
}
