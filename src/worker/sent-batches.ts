/** A source that stays with the caller: its side, which reads and sends batches, and the worker's side, which receives them. */
import type { Batch } from '../core/model.js';
import { describeSource } from '../data/description.js';
import type { BatchSource, SourceDescription } from '../data/source.js';
import type { TrainingState } from '../train/options.js';
import { BATCH_FAILED, copyInto, Packed, SENT, type SentBatch } from './protocol.js';

/**
 * Reads the batches of a source in the order in which a training uses them, shortly before it does. A batch is copied as soon as
 * it is read, so the source may refill its arrays; it may have any length, or no end.
 */
export class BatchSender {
  /** What the source threw. No batch is read until `repeat`. */
  failure: { readonly error: unknown } | null = null;
  private readonly source: BatchSource;
  private readonly length: number;
  private readonly start: number;
  private readonly updates: number;
  /** The next update whose batch is sent. */
  private sent = 0;
  /** Updates made. */
  private made = 0;

  /** @param updates number of updates that the training makes from its start or resumed checkpoint. */
  constructor(source: BatchSource, updates: number, resume: TrainingState | undefined) {
    this.source = source;
    this.length = source.length;
    this.start = resume?.batch ?? 0;
    this.updates = updates;
  }

  /** The description that makes the worker's side. */
  describe(resume: TrainingState | undefined): SourceDescription {
    const { stateful } = this.source;
    // A resumed training takes the shape of its carried state from the first batch.
    const first = resume?.carried ? [this.read(0)] : [];
    return { kind: SENT, stateful, length: this.length, first };
  }

  /** The batches that `count` more events may use and that have not been sent. */
  upTo(count: number): SentBatch[] {
    const batches: SentBatch[] = [];
    for (; !this.failure && this.sent < Math.min(this.made + count, this.updates); this.sent++) {
      const index = (this.start + this.sent) % this.length;
      batches.push({ update: this.sent, index, ...this.tryRead(index) });
    }
    return batches;
  }

  /** An update was made. */
  used(): void {
    this.made++;
  }

  /** The training has failed: it reads the batch again if it is continued. */
  repeat(): void {
    this.sent = this.made;
    this.failure = null;
  }

  private tryRead(index: number): { readonly batch?: Packed } {
    try {
      return { batch: this.read(index) };
    } catch (error) {
      this.failure = { error };
      return {};
    }
  }

  private read(index: number): Packed {
    return new Packed(this.source.batch(index), `train.batch(${index})`);
  }
}

/** The worker's side. */
export class SentBatches implements BatchSource {
  readonly stateful: boolean;
  readonly length: number;
  /** Its first batch: a training that continues with a carried state takes the shape of the state from it. */
  private first: Batch | undefined;
  private readonly waiting = new Map<number, SentBatch>();
  private made = 0;

  constructor(description: Readonly<Record<string, unknown>>) {
    const { stateful, length, first } = description as { stateful: boolean; length: number; first: readonly Batch[] };
    this.stateful = stateful;
    this.length = length;
    [this.first] = first;
  }

  receive(batches: readonly SentBatch[]): void {
    for (const sent of batches) {
      this.waiting.set(sent.update, sent);
      if (sent.index === 0) this.first ??= sent.batch as Batch | undefined;
    }
  }

  batch(index: number): Batch {
    const sent = this.waiting.get(this.made);
    if (sent?.index !== index) return this.first!;
    if (!('batch' in sent)) throw BATCH_FAILED;
    return sent.batch as Batch;
  }

  /** An update was made. */
  used(): void {
    this.waiting.delete(this.made++);
  }
}

/** Describes a source whose batches are all sent together. Each is copied as soon as it is read. */
export const describeCopied = (source: BatchSource, name: string): SourceDescription =>
  describeSource(source, (batch, index) => new Packed(batch, `${name}.batch(${index})`));

/** Copies of all batches of a source, which stay here. */
export const copiesOf = (source: BatchSource): Batch[] =>
  Array.from({ length: source.length }, (_, index) => copyInto([], source.batch(index), `source.batch(${index})`));
