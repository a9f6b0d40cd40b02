/** The updates of a distributed training: this rank's shards of each batch, and the sum over all ranks. */
import type { FloatArray } from '../contract/kernels.js';
import { batchWeight, lossShare, requireBatch } from '../core/batch.js';
import { type LossChoice, requireLoss } from '../core/losses.js';
import type { Arena } from '../core/memory/parameters.js';
import { type Batch, defaultLoss, type Model, type PassOptions } from '../core/model.js';
import { Tape } from '../core/tape.js';
import { batchHash } from '../train/hash.js';
import { TapeCache } from '../train/tape-cache.js';
import { exchangeReports, type Report } from './agreement.js';
import type { Communicator } from './communicator.js';
import { GradientExchange } from './exchange.js';
import { inRows, sequencesOf } from './rows.js';
import { inOrder, mostParts, partOf } from './shards.js';
import { finalStatesOf, joined, rowsOfStates, StateRows } from './states.js';

/** The options of a gradient function. */
export type GradientOptions = PassOptions & { readonly tape: Tape; readonly gradients: Arena };

/** Whether a loss is a sum over its rows, not a mean. */
function isSum(loss: LossChoice): boolean {
  const spec = requireLoss(loss);
  return 'reduction' in spec && spec.reduction === 'sum';
}

/** A report before the first update of a loop. It does not depend on the shards, which are not yet known to be the same. */
export const firstReport = (error: unknown = null): Report => ({ error, isStopping: false, same: {}, numbers: [] });

/** A report instead of another update. */
export const lastReport = (shards: number, communicator: Communicator, error: unknown): Report =>
  reportOf({ error }, new Array<number>(mostParts(shards, communicator.size)).fill(0));

function reportOf(
  {
    error,
    isStopping = false,
    batch,
    hash = 0,
    update = 0,
  }: Partial<Report> & { readonly batch?: Batch; readonly hash?: number; readonly update?: number },
  numbers: readonly number[],
): Report {
  const { steps = 0, batchSize = 0 } = batch ?? {};
  const same = { 'number of steps': steps, 'number of sequences': batchSize, batch: hash, 'update number': update };
  return { error: error ?? null, isStopping, same, numbers };
}

interface Passed {
  readonly loss: number;
  readonly isStopping: boolean;
}

/** The memory of one model's training, and its updates. */
export class Work {
  readonly model: Model;
  private readonly communicator: Communicator;
  private readonly shards: number;
  private readonly tapes: TapeCache;
  private readonly exchange: GradientExchange;
  private readonly make: (length: number) => FloatArray;
  /** Batches that this rank has compared with the others. */
  private batches = 0;

  constructor(communicator: Communicator, shards: number, model: Model) {
    const Numbers = model.kernels.precision === 'float64' ? Float64Array : Float32Array;
    this.make = (length) => new Numbers(length);
    this.model = model;
    this.communicator = communicator;
    this.shards = shards;
    this.tapes = new TapeCache(model, { inputGradient: false });
    this.exchange = new GradientExchange(communicator, shards, model.size, this.make);
  }

  dispose(): void {
    this.tapes.free();
  }

  /** The gradient of a batch, on all ranks. */
  async run(
    batch: Batch,
    pass: GradientOptions,
    { isStateful, isStopping }: { readonly isStateful: boolean; readonly isStopping: boolean },
  ): Promise<Passed> {
    const { model, communicator, shards } = this;
    const { loss: choice = defaultLoss(batch), tape, gradients, noise } = pass;
    const states = isStateful ? new StateRows(model.kernels, tape, this.make) : null;
    const shares = new Array<number>(shards).fill(0);
    let error: unknown = null;
    let [total, hash] = [0, 0];
    try {
      requireBatch(model, batch, choice);
      hash = this.hashOf(batch, choice);
      const weights = this.weightsOf(batch, choice);
      total = weights.reduce((sum, weight) => sum + weight, 0);
      await this.addShards(batch, { ...pass, loss: choice }, { weights, total, shares, states });
    } catch (thrown) {
      error = thrown;
    }
    const { batchSize } = batch;
    const update = noise?.update ?? 0;
    const { size, rank } = communicator;
    const [first] = partOf(shards, size, rank);
    const own = Array.from({ length: mostParts(shards, size) }, (_, i) => shares[first + i] ?? 0);
    const report = await exchangeReports(communicator, reportOf({ error, isStopping, batch, hash, update }, own));
    await this.spread(gradients, states, batchSize);
    states?.write();
    let sum = 0;
    for (const share of inOrder(report.numbers, shards, size)) sum += share;
    return { loss: isSum(choice) ? sum : total === 0 ? 0 : sum / total, isStopping: report.isStopping };
  }

  /** Identifies a batch: all of the first one, then one sequence of each, so that not every rank reads all numbers of every batch. */
  private hashOf(batch: Batch, loss: LossChoice): number {
    const { batchSize } = batch;
    if (this.communicator.size === 1) return 0;
    const sequence = this.batches++ % batchSize;
    const isFirst = this.batches === 1;
    return batchHash(isFirst ? batch : sequencesOf(batch, this.model.spec, loss, sequence, sequence + 1));
  }

  /** The weights of the shards in the batch's mean loss, which do not depend on the inputs. */
  private weightsOf(batch: Batch, loss: LossChoice): number[] {
    const { spec } = this.model;
    const weighed = { ...batch, inputs: [] };
    return Array.from({ length: this.shards }, (_, shard) => {
      const [from, to] = partOf(batch.batchSize, this.shards, shard);
      return from === to ? 0 : batchWeight(spec, sequencesOf(weighed, spec, loss, from, to), loss);
    });
  }

  /** Adds the gradients of this rank's shards, and keeps their losses and final states. */
  private async addShards(
    batch: Batch,
    pass: GradientOptions & { readonly loss: LossChoice },
    { weights, total, shares, states }: Sums,
  ): Promise<void> {
    const { model, shards, communicator, exchange } = this;
    const { kernels } = model;
    const { gradients, from = null, loss, noise = null } = pass;
    const { batchSize } = batch;
    const before = from instanceof Tape ? await finalStatesOf(kernels, from) : null;
    const [first, end] = partOf(shards, communicator.size, communicator.rank);
    exchange.own.clear();
    for (let shard = first; shard < end; shard++) {
      const [row, to] = partOf(batchSize, shards, shard);
      const node = { first: shard, level: 0 };
      if (row === to) {
        exchange.own.add(node, this.make(model.size));
        continue;
      }
      const rows = sequencesOf(batch, model.spec, loss, row, to);
      const tape = this.tapes.take(rows);
      const part = { step: 0, row, rows: batchSize };
      const start = before && rowsOfStates(before, batchSize, row, to);
      const options = { tape, gradients, loss, from: start, noise: noise && { ...noise, part } };
      const passed = await model.gradients(rows, options).catch((error: unknown) => {
        throw inRows(error, row, to);
      });
      const weight = weights[shard]!;
      shares[shard] = lossShare(requireLoss(loss), passed.loss, weight);
      exchange.own.add(node, await this.scaled(gradients, isSum(loss) ? 1 : total === 0 ? 0 : weight / total));
      states?.put(row, joined(await finalStatesOf(kernels, tape)));
    }
  }

  /** The numbers of the gradients times `factor`. */
  private async scaled(gradients: Arena, factor: number): Promise<FloatArray> {
    const { kernels } = this.model;
    const matrix = gradients.read();
    const numbers = kernels.host(matrix) ?? (await kernels.download(matrix));
    if (factor !== 1) for (let i = 0; i < numbers.length; i++) numbers[i]! *= factor;
    return numbers;
  }

  /** Writes the sum of the gradients, and the states of the rows of other ranks. */
  private async spread(gradients: Arena, states: StateRows | null, rows: number): Promise<void> {
    const { communicator, shards, model } = this;
    const { size, rank } = communicator;
    const rangeOf = (r: number): [number, number] => {
      const [first, end] = partOf(shards, size, r);
      return [partOf(rows, shards, first)[0], partOf(rows, shards, end - 1)[1]];
    };
    const ranges = Array.from({ length: size }, (_, r) => rangeOf(r));
    const most = Math.max(...ranges.map(([from, to]) => to - from));
    const extra = this.make(states && size > 1 ? most * states.width : 0);
    if (size > 1) states?.pack(extra, ...ranges[rank]!);
    const { sum, extras } = await this.exchange.total(extra);
    model.kernels.upload(gradients.write(), sum);
    if (size > 1) for (const [r, range] of ranges.entries()) states?.unpack(extras[r]!, ...range);
  }
}

/** What the shards add to. */
interface Sums {
  readonly weights: readonly number[];
  readonly total: number;
  readonly shares: number[];
  readonly states: StateRows | null;
}
