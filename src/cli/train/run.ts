/** A training from its first update to the saved model. */
import {
  bitsPerCharacter,
  type Metadata,
  type Training,
  type TrainingEvent,
  type TrainingSnapshot,
  TrainingSnapshots,
  UnspoolError,
} from '../../index.js';
import { saveModel } from '../../node/index.js';
import { clock, grouped } from '../output.js';
import { RunDirectory } from '../runs/directory.js';
import { stopOnSignal } from '../signals.js';
import { baselinesOf, trainingTable } from './baselines.js';
import { BestWeights, describeWeights } from './best.js';
import { Checkpoints, checkpointFile, hasCode } from './checkpoints.js';
import { fitText } from './fit-text.js';
import { Progress } from './progress.js';
import { contextOfRun, printStart, printValidation, writeText } from './report.js';

import type { Run } from './start.js';

/** Trains, saves checkpoints and the model, and returns the exit code. */
export async function runTraining(run: Run): Promise<number> {
  const { settings, model, text, file } = run;
  const stop = run.shared?.stop ?? new AbortController();
  const { signal } = stop;
  const shared = { signal, gradient: run.shared?.gradient, resume: run.resumed?.training };
  const training = await fitText(model, text, settings, shared);
  const isOnDevice = model.kernels.host(model.parameters.read()) === null;
  const snapshots = isOnDevice ? new TrainingSnapshots(model, training) : null;
  const directory = await beginDirectory(run, training);
  const best = new BestWeights(run.resumed ? run.resumed.best : null);
  const progress = { best, directory };
  const save = async (to: string): Promise<number> => {
    await directory?.beforeCheckpoint();
    return saveCheckpoint(to, run, training, best);
  };
  const checkpoints = new Checkpoints(checkpointFile(file), save, run.resumed);
  printStart(run, training);
  const release = stopOnSignal(stop);
  const started = performance.now();
  try {
    if (run.shared)
      await checkpoints.save(); // a rank that dies ends all, without another one
    else if (!run.resumed && settings.checkpointEvery > 0) await checkpoints.saveStart();
    const reason = await follow(run, snapshots ?? training, checkpoints, progress);
    if (reason === 'aborted') return await interrupted(run, checkpoints, directory);
    const seconds = (performance.now() - started) / 1000;
    await finish(run, training, checkpoints, { ...progress, seconds, signal });
    return 0;
  } catch (error) {
    const isLost = hasCode(error, 'DEVICE_LOST') || hasCode(error, 'OUT_OF_MEMORY');
    if (isLost && snapshots?.lastSnapshot) await rescue(run, snapshots.lastSnapshot, checkpoints);
    if (hasCode(error, 'RANK_LOST')) await checkpoints.trySave();
    await checkpoints.removeStart();
    await directory?.fail(error);
    throw checkpoints.explain(error);
  } finally {
    release();
  }
}

/** What follows a training. */
interface Followers {
  readonly best: BestWeights;
  readonly directory: RunDirectory | null;
}

async function beginDirectory(run: Run, { updates }: Training): Promise<RunDirectory | null> {
  if (!run.directory) return null;
  const { path, config, tensorboard } = run.directory;
  const { model, settings, arithmetic, textFile: file, textHash: sha256 } = run;
  const { name, variant } = model.kernels;
  return RunDirectory.begin(path, {
    ...{ job: 'language model', data: [{ file, sha256 }], parameters: model.size, updates, config },
    engine: { backend: name, ...(variant && { variant }), precision: settings.precision, arithmetic },
    ...{ metricsEvery: settings.metricsEvery, tensorboard, resumed: run.resumed?.training ?? null },
  });
}

/** Prints the events of the training until it ends. Returns why it ended. */
async function follow(
  run: Run,
  training: AsyncIterable<TrainingEvent>,
  checkpoints: Checkpoints,
  { best, directory }: Followers,
): Promise<string> {
  const { out, settings } = run;
  const progress = new Progress(out, settings.epochs);
  const { checkpointEvery } = settings;
  const warn = (text: string): void => {
    progress.clear();
    out.warn(text);
  };
  let reason = '';
  try {
    for await (const event of training) {
      if (event.kind === 'update') progress.update({ ...event, count: event.count * settings.accumulate });
      else progress.clear();
      out.record(event);
      best.observe(event);
      await directory?.add(event);
      if (event.kind === 'validation') await printValidation(run, event);
      if (event.kind === 'end') reason = event.reason;
      if (event.kind === 'update' && checkpointEvery > 0 && event.update % checkpointEvery === 0) {
        await checkpoints.saveOrWarn(warn);
      }
    }
  } finally {
    progress.clear();
  }
  const { threadsReason } = run.model.kernels;
  if (threadsReason) out.warn(`The training used one thread: ${threadsReason}`);
  return reason;
}

async function finish(
  run: Run,
  training: Training,
  checkpoints: Checkpoints,
  { best, directory, seconds, signal }: Followers & { readonly seconds: number; readonly signal: AbortSignal },
): Promise<void> {
  const { out, text, settings, model } = run;
  const failure = await checkpoints.trySave();
  if (failure) out.warn(failure.message); // the model is smaller, so it may still fit on the disk
  const { update: updates } = await training.checkpoint();
  const kept = settings.keep === 'best' ? await best.settle(model, text, training) : updates;
  const validationLoss = await training.validate();
  const bits = validationLoss && bitsPerCharacter(validationLoss);
  const losses = { validationLoss, validationBitsPerCharacter: bits };
  const metadata = { ...metadataOf(run), updates, weightsOf: kept, ...losses };
  await saveResult(run, metadata, checkpoints.file);
  const measured = await baselinesOf(text, signal);
  const place = directory?.path ?? run.file;
  const weights = describeWeights(settings.keep, kept, { updates, validated: validationLoss !== null });
  const result = { loss: validationLoss, bitsPerCharacter: bits, updates };
  const isDrawn = await directory?.end({ status: 'finished', result, weights });
  out.record({
    kind: 'result',
    ...metadata,
    seconds,
    file: run.file,
    ...(measured && { baselines: measured.baselines, baselinesCounted: measured.counted }),
  });
  out.print(`\n${grouped(updates)} updates in ${clock(seconds)}.`);
  out.print(measured && bits !== null ? trainingTable(measured, bits) : 'No text was kept for validation.');
  out.print(`\nThe model writes:\n\n${await writeText(run, 300)}\n`);
  out.print(`To write more text:\n  npx unspool sample ${place}`);
  if (isDrawn === false) out.print('No plot: npm install @observablehq/plot linkedom');
  out.print(`Saved ${place}. It has ${weights}.`);
}

/** Saves the model. If another program has made a file of that name since the training began, that file stays. */
async function saveResult({ file, model, text, replace }: Run, metadata: Metadata, checkpoint: string): Promise<void> {
  try {
    await saveModel(file, model, { vocabulary: text.vocabulary, metadata }, { replace });
  } catch (error) {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'FILE_ACCESS' || error.problem.cause !== 'EEXIST') {
      throw error;
    }
    const help = `Save the model elsewhere: unspool train --resume ${checkpoint} --out FILE.`;
    throw new UnspoolError({ ...error.problem, problem: 'was made by another program during the training', help });
  }
}

async function interrupted({ out }: Run, checkpoints: Checkpoints, directory: RunDirectory | null): Promise<number> {
  await checkpoints.save();
  await directory?.end({ status: 'interrupted' });
  const { file } = checkpoints;
  out.record({ kind: 'interrupted', checkpoint: file });
  const place = directory?.path ?? file;
  out.print(`Interrupted. The training is saved; continue it with:\n  npx unspool train --resume ${place}`);
  return 1;
}

const metadataOf = (run: Run): Metadata => ({
  text: run.textFile,
  textSha256: run.textHash,
  settings: run.settings as unknown as Metadata,
  arithmetic: run.arithmetic,
  context: contextOfRun(run),
});

/** Returns the number of updates made. */
async function saveCheckpoint(file: string, run: Run, training: Training, { best }: BestWeights): Promise<number> {
  const state = await training.checkpoint();
  const metadata = { ...metadataOf(run), best: best && { ...best } };
  await saveModel(file, run.model, { vocabulary: run.text.vocabulary, metadata, training: state });
  return state.update;
}

/** After the device was lost with all data on it: saves the snapshot that is in main memory. */
async function rescue(run: Run, { parameters, state }: TrainingSnapshot, checkpoints: Checkpoints): Promise<void> {
  const { model, text } = run;
  const { layout } = model.parameters;
  await checkpoints.rescue(state.update, async (to) => {
    const copy = { spec: model.spec, parameters: { layout, download: async () => new Map(parameters) } };
    await saveModel(to, copy, { vocabulary: text.vocabulary, metadata: metadataOf(run), training: state });
  });
}
