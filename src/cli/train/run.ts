/** A training from its first update to the saved model. */
import {
  bitsPerCharacter,
  fit,
  type Metadata,
  type Training,
  type TrainingEvent,
  type TrainingSnapshot,
  TrainingSnapshots,
  UnspoolError,
} from '../../index.js';
import { saveModel } from '../../node/index.js';
import { clock, grouped, type Output } from '../output.js';
import { stopOnSignal } from '../signals.js';
import { baselinesOf, baselineTable } from './baselines.js';
import { Checkpoints, checkpointFile, hasCode } from './checkpoints.js';
import { Progress } from './progress.js';
import { fitOptionsOf } from './read-settings.js';
import { contextOfRun, printStart, printValidation, writeText } from './report.js';

import type { Run } from './start.js';

/** Trains, saves checkpoints and the model, and returns the exit code. */
export async function runTraining(run: Run): Promise<number> {
  const { out, settings, model, text, file } = run;
  const stop = new AbortController();
  const options = { ...(await fitOptionsOf(settings)), signal: stop.signal };
  const training = fit(model, text, options, run.resumed?.training);
  const isOnDevice = model.kernels.host(model.parameters.read()) === null;
  const snapshots = isOnDevice ? new TrainingSnapshots(model, training) : null;
  const checkpoints = new Checkpoints(checkpointFile(file), (to) => saveCheckpoint(to, run, training), run.resumed);
  printStart(run, training);
  const release = stopOnSignal(stop);
  const started = performance.now();
  try {
    const reason = await follow(run, snapshots ?? training, checkpoints);
    if (reason === 'aborted') return await interrupted(out, checkpoints);
    await finish(run, training, checkpoints, (performance.now() - started) / 1000);
    return 0;
  } catch (error) {
    const isLost = hasCode(error, 'DEVICE_LOST') || hasCode(error, 'OUT_OF_MEMORY');
    if (isLost && snapshots?.lastSnapshot) await rescue(run, snapshots.lastSnapshot, checkpoints);
    throw checkpoints.explain(error);
  } finally {
    release();
  }
}

/** Prints the events of the training until it ends. Returns why it ended. */
async function follow(run: Run, training: AsyncIterable<TrainingEvent>, checkpoints: Checkpoints): Promise<string> {
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
      if (event.kind === 'update') progress.update(event);
      else progress.clear();
      out.record(event);
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

async function finish(run: Run, training: Training, checkpoints: Checkpoints, seconds: number): Promise<void> {
  const { out, text, file } = run;
  const failure = await checkpoints.trySave();
  if (failure) out.warn(failure.message); // the model is smaller, so it may still fit on the disk
  const validationLoss = await training.validate();
  const { update: updates } = await training.checkpoint();
  const bits = validationLoss && bitsPerCharacter(validationLoss);
  const metadata = { ...metadataOf(run), updates, validationLoss, validationBitsPerCharacter: bits };
  await saveResult(run, metadata, checkpoints.file);
  const baselines = baselinesOf(text);
  out.record({ kind: 'result', ...metadata, seconds, file, ...(baselines && { baselines }) });
  out.print(`\n${grouped(updates)} updates in ${clock(seconds)}.`);
  out.print(baselines && bits !== null ? baselineTable(baselines, bits) : 'No text was kept for validation.');
  out.print(`\nThe model writes:\n\n${await writeText(run, 300)}\n`);
  out.print(`Saved ${file}. To write more text:\n  npx unspool sample ${file}`);
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

async function interrupted(out: Output, checkpoints: Checkpoints): Promise<number> {
  await checkpoints.save();
  const { file } = checkpoints;
  out.record({ kind: 'interrupted', checkpoint: file });
  out.print(`Interrupted. The training is saved; continue it with:\n  npx unspool train --resume ${file}`);
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
async function saveCheckpoint(file: string, run: Run, training: Training): Promise<number> {
  const state = await training.checkpoint();
  await saveModel(file, run.model, { vocabulary: run.text.vocabulary, metadata: metadataOf(run), training: state });
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
