/**
 * Exact BPTT over one segment of a batch at a time (Chen et al. 2016): a first pass keeps the state before each segment; then, from
 * the last segment to the first, a segment runs again and goes back, with the gradient by its final state from the segment after
 * it. That takes the memory of one segment and about 4/3 of the time, because every segment but the last runs forward twice.
 *
 * The loss of the batch is the sum over its segments of share_s times the mean over the segment, where share_s is the segment's part
 * of all targets that count. So dL/dy of a segment is scaled by share_s before it goes back.
 */

import type { Kernels } from '../contract/kernels.js';
import { lossWeight } from '../core/batch.js';
import type { LstmState } from '../core/lstm/blocks.js';
import { Lease } from '../core/memory/lease.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Model } from '../core/model.js';
import type { Noise } from '../core/noise.js';
import { freeOnError } from '../core/out-of-memory.js';
import type { PassShape } from '../core/pass.js';
import { type StartState, Tape } from '../core/tape.js';
import type { TimeMajorBatch } from './model/batch-steps.js';
import { viewOfPart } from './vectors.js';

/** What a pass over a batch reads and writes. */
export interface SegmentedPass {
  /** Receives the final state. */
  readonly tape: Tape;
  readonly gradients: Arena;
  readonly from: StartState;
  readonly noise: Noise | null;
}

/** The memory of a full tape's step, in states: gates and states with their gradients, 12 numbers per unit, to h and c. */
const STEP = 6;

/** Steps that are kept of `steps` by segments of `length`, with a tape for the first, shorter one and the states before segments. */
const keptSteps = (steps: number, length: number): number =>
  length + (steps % length) + (Math.ceil(steps / length) - 1) / STEP;

/** The longest segment for which a share `memory` of the full tape suffices; null if there is none. */
export function segmentFor(steps: number, memory: number): number | null {
  for (let length = Math.min(steps, Math.floor(memory * steps)); length > 0; length--) {
    if (keptSteps(steps, length) <= memory * steps) return length;
  }
  return null;
}

const FREED = { what: 'The segmented pass' };

/** The tapes for segments of one length, and their passes. */
class SegmentedBptt {
  private readonly model: Model;
  private readonly length: number;
  private readonly steps: number;
  private readonly batchSize: number;
  private readonly lease: Lease;
  private readonly k: Kernels;
  private readonly tape: Tape;
  /** For the first segment, if it is shorter. */
  private readonly shorter: Tape | null;
  /** The gradients by the final states of a segment. */
  private readonly after: readonly LstmState[];

  /** Throws `OUT_OF_MEMORY`. */
  constructor(model: Model, { steps, batchSize }: PassShape, length: number) {
    const lease = new Lease(model.kernels, 'system');
    const k = lease.kernels;
    this.model = model;
    this.steps = steps;
    this.batchSize = batchSize;
    this.length = length;
    this.lease = lease;
    this.k = k;
    const { tape, shorter, after } = freeOnError((track) => {
      track({ free: () => lease.end(FREED) });
      const make = (of: number): Tape => track(model.tape({ steps: of, batchSize }, { inputGradient: false }));
      const tape = make(Math.min(length, steps));
      const shorter = steps > length && steps % length > 0 ? make(steps % length) : null;
      const after = tape.lstms.map((layer) => {
        const { h, c } = layer.finalState();
        return { h: k.alloc(h.rows, h.cols), c: k.alloc(c.rows, c.cols) };
      });
      return { tape, shorter, after };
    });
    this.tape = tape;
    this.shorter = shorter;
    this.after = after;
  }

  fits(model: Model, { steps, batchSize }: PassShape): boolean {
    return this.model === model && this.steps === steps && this.batchSize === batchSize;
  }

  free(): void {
    this.tape.free();
    this.shorter?.free();
    this.lease.end(FREED);
  }

  /** Writes the gradient of the batch, and returns its loss. */
  async run(batch: TimeMajorBatch, pass: SegmentedPass): Promise<number> {
    const { k, model } = this;
    const count = Math.ceil(this.steps / this.length);
    // Copies: `from` may be the tape that receives the final state.
    const before: StartState[] = [pass.from instanceof Tape ? await pass.from.downloadStates() : pass.from];
    for (let i = 0; i < count; i++) {
      const tape = this.forward(batch, i, before[i]!, pass.noise);
      if (i < count - 1) before.push(await tape.downloadStates());
    }
    for (const [i, layer] of this.tapeOf(count - 1).lstms.entries()) {
      const [to, { h, c }] = [pass.tape.lstms[i]!.finalState(), layer.finalState()];
      k.copy(to.h, h);
      k.copy(to.c, c);
    }
    pass.gradients.clear();
    const losses: Promise<number>[] = [];
    for (let i = count - 1; i >= 0; i--) {
      const tape = i === count - 1 ? this.tapeOf(i) : this.forward(batch, i, before[i]!, pass.noise);
      losses.push(this.measure(batch, i, tape));
      for (const [j, layer] of tape.lstms.entries()) layer.after = i === count - 1 ? null : this.after[j]!;
      for (const layer of [...tape.layers].reverse()) layer.backward(model.parameters, pass.gradients);
      for (const [j, { h, c }] of this.after.entries()) {
        const start = tape.lstms[j]!.initialStateGrad()!;
        k.copy(h, start.h);
        k.copy(c, start.c);
      }
    }
    return (await Promise.all(losses)).reduce((sum, loss) => sum + loss, 0);
  }

  private tapeOf(segment: number): Tape {
    return segment === 0 ? (this.shorter ?? this.tape) : this.tape;
  }

  /** The first step of a segment; a shorter one comes first. */
  private startOf(segment: number): number {
    return Math.max(0, this.steps - (Math.ceil(this.steps / this.length) - segment) * this.length);
  }

  private forward({ inputs }: TimeMajorBatch, segment: number, from: StartState, noise: Noise | null): Tape {
    const [tape, first] = [this.tapeOf(segment), this.startOf(segment)];
    tape.begin(from, noise && { ...noise, part: { step: first, row: 0, rows: this.batchSize } });
    tape.forward(this.model.parameters, viewOfPart(inputs, this.steps, first, tape.shape.steps));
    return tape;
  }

  /** The segment's part of the loss; writes dL/dy. */
  private async measure(batch: TimeMajorBatch, segment: number, tape: Tape): Promise<number> {
    const { k, batchSize } = this;
    const { steps } = tape.shape;
    const cut = (values: ArrayLike<number>) => viewOfPart(values, this.steps, this.startOf(segment), steps);
    const targets = cut(batch.targets);
    const weights = batch.weights && cut(batch.weights);
    const { loss: spec, total } = batch;
    const share =
      total === null ? 1 : lossWeight(spec, { batchSize, rows: steps * batchSize, targets, weights }) / total;
    const dy = tape.layers.at(-1)!.dy!;
    if (!(share > 0)) {
      k.fill(dy, 0);
      return 0;
    }
    tape.measure(spec, targets, weights);
    const value = k.download(tape.loss!.value);
    tape.loss!.backward();
    if (share !== 1) k.combine(dy, share, dy, 0, dy);
    return share * (await value)[0]!;
  }
}

/** The passes for the last shape of batches. */
export class KeptSegments {
  private kept: SegmentedBptt | null = null;

  /** The passes for batches of this shape. Throws `OUT_OF_MEMORY`. */
  take(model: Model, shape: PassShape, length: number): SegmentedBptt {
    if (this.kept?.fits(model, shape)) return this.kept;
    this.free();
    this.kept = new SegmentedBptt(model, shape, length);
    return this.kept;
  }

  free(): void {
    this.kept?.free();
    this.kept = null;
  }
}
