/**
 * Data-parallel training: the gradient of `fit`, computed by several ranks. Each rank computes the gradients of its shards of the
 * batch, and all ranks receive their sum, so that they make the same update.
 */
import { isObject, requireInteger, requireOptions } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { batchWeight, lossShare, requireBatch } from '../core/batch.js';
import { type LossChoice, requireLoss } from '../core/losses.js';
import { Arena } from '../core/memory/parameters.js';
import { type Batch, defaultLoss, type Model, type PassOptions } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { Tape } from '../core/tape.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { jsonCopy } from '../optim/optimizer.js';
import { batchHash } from '../train/hash.js';
import type { GradientFunction, StopSignal, TrainingStart } from '../train/options.js';
import { TapeCache } from '../train/tape-cache.js';
import { exchangeReports, requireAgreement } from './agreement.js';
import { type Communicator, requireCommunicator } from './communicator.js';
import { GradientExchange } from './exchange.js';
import { sequencesOf } from './rows.js';
import { partOf } from './shards.js';
import { finalStatesOf, joined, rowsOfStates, StateRows } from './states.js';

/** Options of `distributed`. */
export interface DistributedOptions {
  /**
   * Parts that each batch is cut into, from 1 to 4096; at least the number of ranks. It decides the last digits of the result, which the
   * number of ranks does not. Default 8.
   */
  readonly shards?: number;
  /** When it aborts on any rank, `signal` of the gradient aborts on all ranks after the same update. */
  readonly signal?: StopSignal;
  /** What else must be the same on all ranks, as JSON by name, such as a version. A difference throws `INVALID_SETTING`. */
  readonly same?: Readonly<Record<string, unknown>>;
}

/** The gradient of a distributed training. */
export interface DistributedGradient extends GradientFunction {
  /** Aborts on all ranks after the same update. Pass it to `fit`. */
  readonly signal: StopSignal;
}

type GradientOptions = PassOptions & { readonly tape: Tape; readonly gradients: Arena };

/**
 * Makes the gradient of a training that several ranks share: `fit(model, data, { gradient: distributed(communicator), ... })`. All ranks
 * call `fit` with the same model, data and options. Each takes its rows of every batch, and all end with the same weights, bit for bit,
 * which do not depend on the number of ranks. The weights and the optimizer's state of rank 0 replace those of the others at the
 * first update. Throws `INVALID_SETTING` for more ranks than shards; the training throws it where ranks differ, and for activity
 * layers.
 */
export function distributed(communicator: Communicator, options: DistributedOptions = {}): DistributedGradient {
  requireCommunicator(communicator);
  requireOptions('options', options, ['shards', 'signal', 'same']);
  const { shards = 8, signal, same = {} } = options;
  requireInteger('options.shards', shards, 1, 4096);
  jsonCopy('options.same', same);
  if (signal !== undefined && typeof signal?.aborted !== 'boolean')
    throw invalidSetting('options.signal', 'must be an AbortSignal.', 'Pass controller.signal.');
  if (communicator.size > shards) {
    const problem = `are ${shards}, fewer than the ${communicator.size} ranks.`;
    throw invalidSetting('shards', problem, `Set shards to at least ${communicator.size}, or start fewer ranks.`);
  }
  const stop = new AbortController();
  let start: TrainingStart | null = null;
  let isOpen = false;
  let work: Work | null = null;
  const gradient = async (model: Model, batch: Batch, pass: GradientOptions) => {
    requireModel(model);
    requirePass(pass);
    if (work?.model !== model) {
      work?.dispose();
      work = new Work(communicator, shards, model);
    }
    if (!isOpen) await open(communicator, shards, model, { start, same });
    isOpen = true;
    const isStateful = start?.settings['train.stateful'] !== false;
    const result = await work.run(batch, pass, { isStateful, isStopping: signal?.aborted ?? false });
    if (result.isStopping) stop.abort();
    return { loss: result.loss };
  };
  return Object.defineProperties(gradient as unknown as DistributedGradient, {
    method: { value: `distributed(shards=${shards})` },
    readsStates: { value: true },
    signal: { value: stop.signal },
    begin: {
      value(next: TrainingStart) {
        start = next;
        isOpen = false;
      },
    },
    dispose: {
      value() {
        work?.dispose();
        work = null;
      },
    },
  });
}

/** Whether a loss is a sum over its rows, not a mean. */
function isSum(loss: LossChoice): boolean {
  const spec = requireLoss(loss);
  return 'reduction' in spec && spec.reduction === 'sum';
}

/** An error about data of a shard, with the sequences of the batch that the shard has. */
function inRows(error: unknown, from: number, to: number): unknown {
  if (!(error instanceof UnspoolError) || error.problem.code !== 'INVALID_DATA') return error;
  const { problem } = error;
  const rows = to - from === 1 ? `sequence ${from}` : `sequences ${from} to ${to - 1}`;
  return new UnspoolError({ ...problem, what: `${problem.what} of the part with ${rows}` });
}

/** What `fit` passes to a gradient function. */
function requirePass(options: unknown): void {
  const { tape, gradients } = isObject(options) ? options : {};
  if (tape instanceof Tape && gradients instanceof Arena) return;
  throw invalidSetting('options', 'must have the tape and the gradients of a pass.', 'Pass the function to fit().');
}

/** Checks that all ranks train the same, and gives them the numbers of rank 0. */
async function open(
  communicator: Communicator,
  shards: number,
  model: Model,
  { start, same }: { readonly start: TrainingStart | null; readonly same: Readonly<Record<string, unknown>> },
): Promise<void> {
  const { kernels, spec } = model;
  const at = spec.layers.findIndex(({ kind }) => kind === 'activity');
  if (at >= 0) {
    const problem = 'takes means over a whole batch, of which a rank has some rows only.';
    throw invalidSetting(`layers[${at}]`, problem, 'Leave it out of a distributed training.');
  }
  if (communicator.size === 1) return;
  const { name, variant, precision } = kernels;
  const { settings = {}, update = 0, observed = {} } = start ?? {};
  const backend = [name, variant, precision].filter(Boolean).join(', ');
  await requireAgreement(communicator, { ...same, backend, shards, ...settings, update, observed });
  for (const arena of [model.parameters, ...(start?.arenas ?? [])]) {
    const numbers = await kernels.download(arena.read());
    await communicator.broadcast(numbers);
    if (communicator.rank > 0) kernels.upload(arena.write(), numbers);
  }
}

interface Passed {
  readonly loss: number;
  readonly isStopping: boolean;
}

/** The memory of one model's training, and its updates. */
class Work {
  readonly model: Model;
  private readonly communicator: Communicator;
  private readonly shards: number;
  private readonly tapes: TapeCache;
  private readonly exchange: GradientExchange;
  private readonly make: (length: number) => FloatArray;

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
    let total = 0;
    try {
      requireBatch(model, batch, choice);
      const weights = this.weightsOf(batch, choice);
      total = weights.reduce((sum, weight) => sum + weight, 0);
      await this.addShards(batch, { ...pass, loss: choice }, { weights, total, shares, states });
    } catch (thrown) {
      error = thrown;
    }
    const { batchSize, steps } = batch;
    const same = { 'number of steps': steps, 'number of sequences': batchSize, batch: batchHash(batch) };
    const everyUpdate = { ...same, 'update number': noise?.update ?? 0 };
    const report = await exchangeReports(communicator, { error, isStopping, same: everyUpdate, numbers: shares });
    await this.spread(gradients, states, batchSize);
    states?.write();
    let sum = 0; // in the order of the shards
    for (let i = 0; i < shards; i++) {
      for (let rank = 0; rank < communicator.size; rank++) sum += report.numbers[rank * shards + i]!;
    }
    return { loss: isSum(choice) ? sum : total === 0 ? 0 : sum / total, isStopping: report.isStopping };
  }

  /** The weights of the shards in the batch's mean loss. */
  private weightsOf(batch: Batch, loss: LossChoice): number[] {
    const { spec } = this.model;
    return Array.from({ length: this.shards }, (_, shard) => {
      const [from, to] = partOf(batch.batchSize, this.shards, shard);
      return from === to ? 0 : batchWeight(spec, sequencesOf(batch, spec, loss, from, to), loss);
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
