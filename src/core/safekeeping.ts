/**
 * What a device would take with it: a training whose weights and state live on one has a copy of them on this side, taken
 * between two updates as often as costs a twentieth of its time. Where copies cost next to nothing, that is after each update.
 */
import type { TrainingState } from './fit-options.js';
import type { FloatArray } from './kernels.js';

/** A training as it stood after `state.step` updates: enough to go on from, on any backend. */
export interface KeptTraining {
  readonly state: TrainingState;
  /** By name. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
}

/** The share of the time that copies may take. */
const SHARE = 0.05;

export class Safekeeping {
  latest: KeptTraining | null = null;
  private next = 0;

  /** Takes a copy, if it is time for one. */
  async keep(take: () => Promise<KeptTraining>): Promise<void> {
    const begin = performance.now();
    if (begin < this.next) return;
    this.latest = await take();
    const now = performance.now();
    this.next = now + (now - begin) * (1 / SHARE - 1);
  }
}
