import type { Batch, Model } from '../core/model.js';
import type { Tape } from '../core/tape.js';

/** Keeps one tape for each shape of batch, so that repeated passes allocate no matrices. */
export class TapeCache {
  private readonly tapes = new Map<string, Tape>();
  private readonly model: Model;
  private readonly options: Parameters<Model['tape']>[1];

  constructor(model: Model, options: Parameters<Model['tape']>[1]) {
    this.model = model;
    this.options = options;
  }

  /** The tape for batches of this shape, the same one each time. */
  take({ steps, batchSize, lengths }: Pick<Batch, 'steps' | 'batchSize' | 'lengths'>): Tape {
    const ragged = lengths !== undefined;
    const key = `${steps}x${batchSize}${ragged ? ' ragged' : ''}`;
    let tape = this.tapes.get(key);
    if (!tape) {
      tape = this.model.tape({ steps, batchSize }, { ...this.options, lengths: ragged });
      this.tapes.set(key, tape);
    }
    return tape;
  }

  /** Frees all tapes. */
  free(): void {
    for (const tape of this.tapes.values()) tape.free();
    this.tapes.clear();
  }
}
