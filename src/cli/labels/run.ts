/** The training of a classifier or a tagger on the command line, with checkpoints, then the test next to baselines. */
import { unlink } from 'node:fs/promises';
import { createModel, type Metadata, type Model } from '../../index.js';
import { saveModel } from '../../node/index.js';
import { DEFAULT_EPOCHS } from '../../tasks/defaults.js';
import { type LabelTask, type TrainLabelerOptions, testLabeler } from '../../tasks/index.js';
import { Classifier, Tagger } from '../../tasks/labeler.js';
import { LABELER_SIZE_KEYS } from '../../tasks/sequences.js';
import { sizesOf } from '../../tasks/train-models.js';
import { weightsText } from '../forecast/seeds.js';
import { clock, grouped, type Output } from '../output.js';
import { RunDirectory } from '../runs/directory.js';
import { checkpointTask } from '../runs/task.js';
import { stopOnSignal } from '../signals.js';
import { arithmeticOf } from '../train/arithmetic.js';
import { checkpointFile } from '../train/checkpoints.js';
import { DEFAULTS } from '../train/settings.js';
import { type ResumedTask, type TaskTrained, trainWithCheckpoints, warnOfArithmetic } from '../train/task-training.js';
import type { NamedHash, ReadData } from './read.js';
import { printReport } from './report.js';

/** A training of the command that was planned. */
export interface LabelRun extends ReadData {
  readonly out: Output;
  readonly task: LabelTask;
  /** The table, the folder or the text, and the hashes of all that was read. */
  readonly file: string;
  readonly hashes: readonly NamedHash[];
  /** Where the model is saved, and whether it may replace one there. */
  readonly model: string;
  readonly replace: boolean;
  readonly directory: string | null;
  readonly tensorboard: boolean;
  readonly config: Metadata;
  readonly training: TrainLabelerOptions;
  /** The checkpoint that the training continues from. */
  readonly resumed: ResumedTask | null;
}

async function beginDirectory(run: LabelRun, model: Model): Promise<RunDirectory | null> {
  const { directory, data, task, hashes, config, training, tensorboard, resumed } = run;
  if (directory === null) return null;
  const { epochs = DEFAULT_EPOCHS, seeds } = training;
  return RunDirectory.begin(directory, {
    ...{ job: task, parameters: model.size, updates: data.train.length * epochs, config, data: hashes },
    ...{ engine: { seeds, arithmetic: await arithmeticOf(model) }, tensorboard },
    metricsEvery: (config.metricsEvery as number | undefined) ?? DEFAULTS.metricsEvery,
    resumed: resumed?.state ?? null,
  });
}

/** What identifies the training in its checkpoint and its model. */
const identityOf = ({ file, hashes, config }: LabelRun) => ({
  ...{ table: file, settings: config, dataSha256: hashes.map(({ sha256 }) => sha256) },
});

/** Trains, saves, tests. Returns the exit code. */
export async function runTraining(run: LabelRun): Promise<number> {
  const { out, data, training, resumed, config } = run;
  const seed = training.seeds![0]!;
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  const began = performance.now();
  const spec = data.spec({ ...sizesOf(training, LABELER_SIZE_KEYS), seed });
  const model = resumed?.model ?? (await createModel(spec, training.backend));
  let directory: RunDirectory | null = null;
  out.print('');
  try {
    if (resumed) await warnOfArithmetic(resumed, out);
    directory = await beginDirectory(run, model);
    const trained = await trainWithCheckpoints({
      ...{ out, data, model, training, seed, stop, file: run.model, directory, place: run.directory, resumed },
      checkpointEvery: config.checkpointEvery as number | undefined,
      metadata: { task: checkpointTask(run.task), ...identityOf(run) },
    });
    if (trained === null) return 1;
    await finish(run, { ...trained, model, directory, seconds: (performance.now() - began) / 1000 });
    return 0;
  } catch (error) {
    await directory?.fail(error);
    throw error;
  } finally {
    model.dispose();
    release();
  }
}

interface Finished extends TaskTrained {
  readonly model: Model;
  readonly directory: RunDirectory | null;
  readonly seconds: number;
}

async function finish(run: LabelRun, { model, directory, updates, best, seconds }: Finished): Promise<void> {
  const { out, data, settings, task, replace } = run;
  const parts = { models: [model], pipeline: data.pipeline };
  const labeler = task === 'classification' ? new Classifier(parts) : new Tagger(parts);
  const loss = best?.loss ?? null;
  const report = data.test ? await testLabeler(labeler, data) : null;
  const metadata: Metadata = {
    ...labeler.metadata(),
    ...{ ...identityOf(run), updates, validationLoss: loss },
    ...(settings.testFile !== undefined && { testFile: settings.testFile }),
    ...(settings.decimal !== undefined && { decimal: settings.decimal }),
  };
  await saveModel(run.model, model, { metadata }, { replace });
  const weights = weightsText({ best, updates });
  const scores = report && { accuracy: report.methods[0]!.accuracy, f1: report.methods[0]!.f1 };
  await directory?.end({ status: 'finished', result: { loss, ...scores, updates }, weights });
  await unlink(checkpointFile(run.model)).catch(() => {});
  out.record({
    ...{ kind: 'result', file: run.model, updates, validationLoss: loss, seconds },
    ...(report && { test: report }),
  });
  out.print(`\n${grouped(updates)} updates in ${clock(seconds)}.`);
  if (report) printReport(report, out);
  const place = run.directory ?? run.model;
  out.print(`\nTo predict:\n  npx unspool predict ${place} FILE`);
  out.print(`Saved ${place}. It has ${weights}.`);
}
