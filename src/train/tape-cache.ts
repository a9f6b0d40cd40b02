import type { Batch, Model } from '../core/model.js';
import type { Tape } from '../core/tape.js';

/** After this number of tapes was freed, the shapes are many, and not those of whole batches and of a last, smaller one. */
const MANY = 8;

/**
 * Keeps tapes by shape of batch, so that repeated passes allocate no matrices. It always keeps two; of many
 * shapes, it keeps those that were used last and are together no larger than the largest.
 */
export class TapeCache {
  /** The least recently used first. */
  private readonly tapes = new Map<string, Tape>();
  private readonly model: Model;
  private readonly options: Parameters<Model['tape']>[1];
  /** Steps times sequences of the largest tape so far. */
  private largest = 0;
  /** Number of tapes that were freed for others. */
  private freed = 0;

  constructor(model: Model, options: Parameters<Model['tape']>[1]) {
    this.model = model;
    this.options = options;
  }

  /** The tape for batches of this shape. `from`, from which the pass continues, is not freed. */
  take({ steps, batchSize, lengths }: Pick<Batch, 'steps' | 'batchSize' | 'lengths'>, from: Tape | null = null): Tape {
    const ragged = lengths !== undefined;
    const key = `${steps}x${batchSize}${ragged ? ' ragged' : ''}`;
    let tape = this.tapes.get(key);
    if (tape) this.tapes.delete(key);
    else {
      this.makeSpace(steps * batchSize, from);
      tape = this.model.tape({ steps, batchSize }, { ...this.options, lengths: ragged });
    }
    this.tapes.set(key, tape);
    return tape;
  }

  /** Frees all tapes. */
  free(): void {
    for (const tape of this.tapes.values()) tape.free();
    this.tapes.clear();
  }

  private makeSpace(size: number, from: Tape | null): void {
    this.largest = Math.max(this.largest, size);
    let total = size;
    for (const tape of this.tapes.values()) total += sizeOf(tape);
    for (const [key, tape] of this.tapes) {
      if (total <= this.largest || (this.tapes.size < 2 && this.freed < MANY)) return;
      if (tape === from) continue;
      this.freed++;
      total -= sizeOf(tape);
      tape.free();
      this.tapes.delete(key);
    }
  }
}

const sizeOf = ({ shape }: Tape): number => shape.steps * shape.batchSize;
