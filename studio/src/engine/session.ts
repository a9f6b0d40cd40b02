/** A model with its task and its training run. The worker holds one at a time. */
import { bitsPerCharacter, createOptimizer, fit, type Model, type Training, type TrainingEvent } from 'unspool';
import { estimatorGradient, parseEstimator } from 'unspool/lab';
import type { Settings } from '../settings.js';
import type { SessionInfo } from './api.js';
import type { Task } from './tasks/task.js';
import type { ShownPass } from './tracing.js';

/** Gradients with a larger norm are scaled down to it. */
export const CLIP_NORM = 1;
/**
 * Updates between two validations, or more if there are many validation batches, so that most of the time is spent on training. The
 * end of each epoch is validated too.
 */
const VALIDATE_EVERY = 100;
const UPDATES_PER_VALIDATION_BATCH = 2;
/** Training runs until the user stops it. */
export const UNLIMITED_EPOCHS = 1e6;

export class Session {
  readonly settings: Settings;
  readonly task: Task;
  readonly model: Model;
  /** The file that the model was read from; null for a new model. */
  readonly modelFile: string | null;
  /** Updates so far. */
  update = 0;
  /** The pass that the page shows; null before the first. */
  shown: ShownPass | null = null;
  private readonly training: Training;
  private readonly events: AsyncGenerator<TrainingEvent, void, void>;

  /** Takes over the model: it is disposed with the session, or if training cannot start. */
  constructor(settings: Settings, task: Task, model: Model, modelFile: string | null = null) {
    this.modelFile = modelFile;
    this.settings = settings;
    this.task = task;
    this.model = model;
    try {
      this.training = startTraining(settings, task, model);
    } catch (error) {
      model.dispose();
      throw error;
    }
    this.events = this.training[Symbol.asyncIterator]();
  }

  get info(): SessionInfo {
    const { task, model, settings, modelFile } = this;
    const { kernels, spec, parameters } = model;
    return {
      settings,
      modelFile,
      description: task.description,
      spec,
      backend: [kernels.name, kernels.variant, kernels.precision].filter(Boolean).join(', '),
      parameters: parameters.layout.entries.map(({ name, shape }) => ({ name, shape })),
      parameterCount: parameters.layout.size,
      sequenceCount: task.sequenceCount,
      outputNames: task.outputNames,
      lossUnit: task.loss === 'crossEntropy' && task.vocabulary ? 'bits' : 'loss',
      readsText: task.vocabulary !== null,
      batchesPerEpoch: task.data.train.length,
    };
  }

  /** A loss in the unit that the page shows: bits per character for a text. */
  inShownUnit(loss: number): number {
    return this.info.lossUnit === 'bits' ? bitsPerCharacter(loss) : loss;
  }

  /** The next event of the training run; null after the last. */
  async next(): Promise<TrainingEvent | null> {
    const { value, done } = await this.events.next();
    if (value?.kind === 'update') this.update = value.update;
    return done || !value ? null : value;
  }

  dispose(): void {
    this.training.dispose();
    this.model.dispose();
  }
}

function startTraining(settings: Settings, task: Task, model: Model): Training {
  const estimator =
    settings.estimator === 'bptt' ? {} : { gradient: estimatorGradient(parseEstimator(settings.estimator)) };
  return fit(model, task.data, {
    optimizer: createOptimizer({ kind: settings.optimizer, learningRate: settings.learningRate }),
    loss: task.loss,
    clipNorm: CLIP_NORM,
    epochs: UNLIMITED_EPOCHS,
    seed: settings.seed,
    validateEvery: Math.max(VALIDATE_EVERY, UPDATES_PER_VALIDATION_BATCH * (task.data.validation?.length ?? 0)),
    ...estimator,
  });
}
