/** The weights that a training ends with: those of its best validation, or the last ones if they are better. */

import { isObject } from '../../checks.js';
import { evaluate, type Model, type Training, type TrainingEvent, type TrainingState } from '../../index.js';
import { grouped } from '../output.js';
import type { TrainingText } from './training-source.js';

/** A validation. */
export interface Validated {
  readonly update: number;
  readonly loss: number;
}

/** Follows the validations of a training. `best` is part of the checkpoint. */
export class BestWeights {
  /** The best validation so far; null before the first. */
  best: Validated | null;
  private last = 0;

  /** Whether the training is from an earlier version, whose checkpoints do not say which validation was the best. */
  private readonly isEarlier: boolean;

  /** @param saved `best` of the training that is resumed; undefined in a checkpoint of an earlier version */
  constructor(saved: unknown) {
    this.isEarlier = saved === undefined;
    const isValidated = isObject(saved) && Number.isInteger(saved.update) && Number.isFinite(saved.loss);
    this.best = isValidated ? (saved as unknown as Validated) : null;
  }

  observe(event: TrainingEvent): void {
    if (event.kind !== 'validation') return;
    const { update, loss } = event;
    this.last = update;
    if (this.best === null || loss < this.best.loss) this.best = { update, loss };
  }

  /**
   * After the end of a training with `keep: 'best'`, whose model has the best weights: if the last update was not validated, this
   * validates it, and gives the model the last weights if they are better. Returns the update whose weights the model has;
   * null if it is not known.
   */
  async settle(model: Model, { validation }: TrainingText, training: Training): Promise<number | null> {
    if (this.isEarlier) return null;
    const state = await training.checkpoint();
    const { best } = this;
    if (!best || !validation || best.update === state.update || this.last === state.update)
      return best?.update ?? state.update;
    const kept = await model.kernels.download(model.parameters.read());
    upload(model, lastWeights(state));
    if ((await evaluate(model, validation)) < best.loss) return state.update;
    upload(model, kept);
    return best.update;
  }
}

const upload = (model: Model, weights: ArrayLike<number>): void =>
  model.kernels.upload(model.parameters.write(), weights as Float32Array);

/** The weights, or their average if one has started. */
function lastWeights({ optimizer, observed }: TrainingState): ArrayLike<number> {
  const isAveraged = (observed.average?.[0] ?? 0) > 0;
  return optimizer.get(isAveraged ? 'average' : 'weights')!;
}

/** Which weights a model has, as the rest of a sentence. */
export function describeWeights(
  keep: 'best' | 'last',
  kept: number | null,
  { updates, validated }: { readonly updates: number; readonly validated: boolean },
): string {
  const last = `of the last update, ${grouped(updates)}`;
  if (keep === 'last') return `the last weights, ${last}`;
  if (!validated) return `the weights ${last}: without validation text, the best ones are not known`;
  if (kept === null) return 'the best weights';
  return `the best weights, ${kept === updates ? `those ${last}` : `of update ${grouped(kept)} of ${grouped(updates)}`}`;
}
