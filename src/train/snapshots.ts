/**
 * Snapshots of a training whose weights and state are on a device that can be lost, such as a GPU. They are taken between
 * updates and use at most a twentieth of the time; if copies are cheap, one is taken after every update.
 */

import { isObject, requireFunction, shown } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { invalidSetting } from '../errors.js';
import type { TrainingEvent, TrainingState } from './options.js';

/** A training after `state.update` updates. It can be resumed on any backend. */
export interface TrainingSnapshot {
  readonly state: TrainingState;
  /** Parameters by name. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
}

interface SavedTraining extends AsyncIterable<TrainingEvent> {
  checkpoint(): Promise<TrainingState>;
}

/** The maximum share of the time that copies may take. */
const MAX_SHARE = 0.05;

/**
 * Iterates a training and keeps a snapshot of it in memory. If the device is lost, resume from `lastSnapshot`.
 *
 * @example
 * const snapshots = new TrainingSnapshots(model, fit(model, data, options));
 * for await (const event of snapshots) console.log(event.kind);
 */
export class TrainingSnapshots implements AsyncIterable<TrainingEvent> {
  /** The last snapshot; null before the first update. */
  lastSnapshot: TrainingSnapshot | null = null;
  private readonly model: Model;
  private readonly training: SavedTraining;
  /** When the next snapshot may be taken. */
  private nextTime = 0;

  constructor(model: Model, training: SavedTraining) {
    requireModel(model);
    if (!isObject(training)) throw invalidSetting('training', `must be what fit() returned, got ${shown(training)}.`);
    requireFunction('training.checkpoint', training.checkpoint);
    requireFunction('training[Symbol.asyncIterator]', training[Symbol.asyncIterator]);
    this.model = model;
    this.training = training;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    for await (const event of this.training) {
      if (event.kind === 'update' && performance.now() >= this.nextTime) await this.take();
      yield event;
    }
  }

  private async take(): Promise<void> {
    const begin = performance.now();
    const parameters = await this.model.parameters.download();
    this.lastSnapshot = { parameters, state: await this.training.checkpoint() };
    const now = performance.now();
    this.nextTime = now + (now - begin) * (1 / MAX_SHARE - 1);
  }
}
