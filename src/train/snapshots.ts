/**
 * What a device would take with it: copies on this side of a training whose weights and state live on one, taken between two
 * updates as often as costs a twentieth of the time. Where copies cost next to nothing, that is after each update.
 */

import type { FloatArray } from '../contract/kernels.js';
import type { Model } from '../core/model.js';
import type { TrainingEvent, TrainingState } from './options.js';

/** A training as it stood after `state.step` updates: enough to go on from, on any backend. */
export interface TrainingSnapshot {
  readonly state: TrainingState;
  /** By name. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
}

interface Kept extends AsyncIterable<TrainingEvent> {
  checkpoint(): Promise<TrainingState>;
}

/** The share of the time that copies may take. */
const SHARE = 0.05;

/**
 * Iterated in the place of a training, whose events it passes on: then `latest` is what is left when the device is lost.
 *
 * @example
 * const safe = new TrainingSnapshots(model, fit(model, data, options));
 * for await (const event of safe) console.log(event.kind);
 */
export class TrainingSnapshots implements AsyncIterable<TrainingEvent> {
  /** After one of the last updates; null before the first. */
  lastSnapshot: TrainingSnapshot | null = null;
  private readonly model: Model;
  private readonly training: Kept;
  private next = 0;

  constructor(model: Model, training: Kept) {
    this.model = model;
    this.training = training;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    for await (const event of this.training) {
      if (event.kind === 'update' && performance.now() >= this.next) await this.keep();
      yield event;
    }
  }

  private async keep(): Promise<void> {
    const begin = performance.now();
    const parameters = await this.model.parameters.download();
    this.lastSnapshot = { parameters, state: await this.training.checkpoint() };
    const now = performance.now();
    this.next = now + (now - begin) * (1 / SHARE - 1);
  }
}
