/** `unspool train`: finds out what is to be trained, and trains it. */
import { UsageError } from '../command.js';
import { isForecasting, type TableFlags } from '../forecast/config.js';
import { labelTaskOf, type TaskFlags } from '../labels/read.js';
import type { LabelFlags } from '../labels/settings.js';
import { requireOneProcess } from '../one-process.js';
import { createOutput } from '../output.js';
import { withLock } from './files.js';
import type { StartFlags } from './ranks.js';
import { planResume } from './resume.js';
import { runTraining } from './run.js';
import { type PlannedRun, planRun, type Run, type TrainFlags } from './start.js';
import { cannotShareStream } from './training-source.js';

/** Trains with the files of the run locked. `prepare` begins the run. */
async function train(
  args: readonly string[],
  options: TrainFlags,
  prepare: (plan: PlannedRun) => Promise<Run>,
): Promise<number> {
  const plan = await (options.resume === undefined ? planRun : planResume)(args, options);
  const files = { model: plan.file, directory: plan.directory };
  try {
    return await withLock(files, createOutput(options), async () => runTraining(await prepare(plan)));
  } finally {
    await plan.close();
  }
}

/** Trains on the ranks that MPI started, or starts them. */
async function trainOnRanks(
  args: readonly string[],
  options: StartFlags & TableFlags & TaskFlags & { readonly findLearningRate: boolean },
): Promise<number> {
  if ((await isForecasting(options)) || (await labelTaskOf(args[0], options)) !== null) {
    throw new UsageError(
      '--distributed trains language models only: other models are small, and one process trains them.',
    );
  }
  if (options.findLearningRate) throw new UsageError('--find-learning-rate cannot be combined with --distributed.');
  if (options.stream) throw cannotShareStream();
  const { distributed, ranks, restarts, starter } = options;
  if (distributed === undefined || ranks !== undefined || restarts !== undefined || starter !== undefined) {
    const { startRanks } = await import('./ranks.js');
    return startRanks(options);
  }
  const { trainOnRank } = await import('./distributed.js');
  return trainOnRank(options, (prepare, own) => train(args, own, prepare));
}

/** The options of the command. */
type Options = StartFlags & TableFlags & TaskFlags & LabelFlags & { readonly findLearningRate: boolean };

/** Trains. Returns the exit code. */
export async function runTrain(args: readonly string[], options: Options): Promise<number> {
  const { distributed, ranks, restarts, starter, rankTimeout } = options;
  const isShared = [distributed, ranks, restarts, starter, rankTimeout].some((given) => given !== undefined);
  if (isShared) return trainOnRanks(args, options);
  requireOneProcess();
  if (options.tensorboard && options.out !== undefined) {
    throw new UsageError('--tensorboard writes to a run directory: it cannot be combined with --out.');
  }
  const labelTask = await labelTaskOf(args[0], options);
  if (labelTask !== null) return (await import('../labels/train.js')).trainOnLabels(labelTask, args, options);
  if (await isForecasting(options)) return (await import('../forecast/train.js')).trainOnTable(args, options);
  if (options.findLearningRate) return (await import('./find-rate.js')).findRate(args, options);
  return train(args, options, (plan) => plan.begin());
}
