/**
 * Data-parallel training: the gradient of `fit`, computed by several ranks. Each rank computes the gradients of its shards of the
 * batch, and all ranks receive their sum, so that they make the same update.
 */
import { isObject, requireInteger, requireOptions, requireSignal } from '../checks.js';
import type { LossChoice } from '../core/losses.js';
import { Arena } from '../core/memory/parameters.js';
import type { Batch, Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { Tape } from '../core/tape.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import { invalidSetting } from '../errors.js';
import { jsonCopy } from '../optim/optimizer.js';
import type { GradientFunction, StopSignal, TrainingStart } from '../train/options.js';
import { exchangeReports, requireAgreement } from './agreement.js';
import { type Communicator, requireCommunicator } from './communicator.js';
import { validateOnRanks } from './validation.js';
import { firstReport, type GradientOptions, lastReport, Work } from './work.js';

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
  /**
   * Waits until the training has ended on all ranks. `error`: why it ended on this rank, if that was outside of an update; the others
   * then throw `RANK_LOST` with its message. Optional, but without it the other ranks learn of such an error by their timeout only.
   */
  finish(error?: unknown): Promise<void>;
}

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
  if (signal !== undefined) requireSignal('options.signal', signal);
  if (communicator.size > shards) {
    const problem = `are ${shards}, fewer than the ${communicator.size} ranks.`;
    throw invalidSetting('shards', problem, `Set shards to at least ${communicator.size}, or start fewer ranks.`);
  }
  const group = new Group(communicator, { shards, signal, same });
  const gradient = (model: Model, batch: Batch, pass: GradientOptions) => group.update(model, batch, pass);
  return Object.defineProperties(gradient as unknown as DistributedGradient, {
    method: { value: `distributed(shards=${shards})` },
    readsStates: { value: true },
    signal: { value: group.stop.signal },
    begin: { value: (start: TrainingStart) => group.begin(start) },
    evaluate: { value: (model: Model, source: BatchSource, loss?: LossChoice) => group.evaluate(model, source, loss) },
    dispose: { value: () => group.dispose() },
    finish: { value: (error: unknown = null) => group.finish(error) },
  });
}

/** This rank's part of a training. */
class Group {
  /** Aborts on all ranks after the same update. */
  readonly stop = new AbortController();
  private readonly communicator: Communicator;
  private readonly options: Pick<Required<DistributedOptions>, 'shards' | 'same'> & Pick<DistributedOptions, 'signal'>;
  private start: TrainingStart | null = null;
  /** Whether the ranks have agreed since the loop began. */
  private isOpen = false;
  /** Whether all ranks know that the training is over. */
  private isOver = false;
  private work: Work | null = null;

  constructor(communicator: Communicator, options: Group['options']) {
    this.communicator = communicator;
    this.options = options;
  }

  begin(start: TrainingStart): void {
    this.start = start;
    this.isOpen = false;
    this.isOver = false;
  }

  dispose(): void {
    this.work?.dispose();
    this.work = null;
  }

  async update(model: Model, batch: Batch, pass: GradientOptions): Promise<{ readonly loss: number }> {
    requireModel(model);
    requirePass(pass);
    try {
      return await this.run(model, batch, pass);
    } catch (error) {
      this.isOver = true;
      throw error;
    }
  }

  async evaluate(model: Model, source: BatchSource, loss?: LossChoice): Promise<number> {
    requireModel(model);
    const data = copyOfSource('source', source, false);
    try {
      await this.agree(model);
      return await validateOnRanks(this.communicator, this.options.shards, { model, source: data, loss });
    } catch (error) {
      this.isOver = true;
      throw error;
    }
  }

  async finish(error: unknown): Promise<void> {
    const { communicator, isOver, isOpen, options } = this;
    if (isOver || communicator.size === 1) return;
    this.isOver = true;
    const report = isOpen ? lastReport(options.shards, communicator, error) : firstReport(error);
    await exchangeReports(communicator, report).catch((thrown: unknown) => {
      if (thrown !== error) throw thrown;
    });
  }

  private async run(model: Model, batch: Batch, pass: GradientOptions): Promise<{ readonly loss: number }> {
    const { communicator, start } = this;
    const { shards, signal } = this.options;
    if (this.work?.model !== model) {
      this.dispose();
      this.work = new Work(communicator, shards, model);
    }
    await this.agree(model);
    const isStateful = start?.settings['train.stateful'] !== false;
    const { work } = this;
    const { loss, isStopping } = await work!.run(batch, pass, { isStateful, isStopping: signal?.aborted ?? false });
    if (isStopping) this.stop.abort();
    return { loss };
  }

  /** Once in a loop: checks that all ranks train the same. */
  private async agree(model: Model): Promise<void> {
    if (this.isOpen) return;
    const { communicator, start } = this;
    await exchangeReports(communicator, firstReport());
    await open(communicator, this.options.shards, model, { start, same: this.options.same });
    this.isOpen = true;
  }
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
  for (const arena of start?.arenas ?? [model.parameters]) {
    const numbers = await kernels.download(arena.read());
    await communicator.broadcast(numbers);
    if (communicator.rank > 0) kernels.upload(arena.write(), numbers);
  }
}
