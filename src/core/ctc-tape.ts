/** The CTC loss of a tape, and the checks of its labels. */
import { type Place, requireInteger, requireTokens } from '../checks.js';
import type { CtcTargets } from '../contract/kernels.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { CtcMaker } from './loss-tape.js';
import type { CtcSpec } from './losses.js';
import { type OutputRows, requireTargetCount } from './targets.js';

/** Allocates the buffers of the CTC loss over a model's output. */
export const ctcTape: CtcMaker = (k, spec, y, dy, output) => {
  const { steps, batchSize } = output;
  const { blank = 0, reduction = 'mean', zeroInfinity = false } = spec;
  requireInteger('loss.blank', blank, 0, y.cols - 1);
  const value = k.alloc(1, 1);
  const gradient = k.alloc(y.rows, y.cols);
  let read: CtcTargets | null = null;
  const requireFinite = (): void => {
    if (read && !zeroInfinity) requireEnoughSteps(read);
  };
  return {
    spec,
    value,
    probabilities: null,
    forward(targets, weights = null, { lengths = null } = {}) {
      if (weights) {
        const help = 'Pass the number of steps of each sequence as lengths.';
        throw invalidSetting('weights', 'are not supported by ctc.', help);
      }
      requireLabels(spec, targets, output);
      const own = Int32Array.from(lengths?.steps ?? new Array<number>(batchSize).fill(steps));
      const labels = Int32Array.from(targets);
      read = { steps, batchSize, labels, lengths: own, blank, reduction, zeroInfinity };
      k.ctc(value, gradient, y, read);
    },
    backward() {
      if (!dy) return;
      requireFinite();
      k.copy(dy, gradient);
    },
    requireFinite,
    free() {
      k.free(value);
      k.free(gradient);
    },
  };
};

/** Throws unless `targets` are labels: for each sequence a row of labels other than the blank, padded with -1 at the end. */
export function requireLabels(spec: CtcSpec, targets: unknown, rows: OutputRows): void {
  const each = requireTargetCount(spec, targets, rows);
  const labels = targets as ArrayLike<number>;
  const { blank = 0 } = spec;
  const place: Place = (i) => `targets[${i}] (label ${i % each} of sequence ${Math.floor(i / each)})`;
  requireTokens('targets', labels, rows.width, { ignored: -1, place });
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === blank) {
      throw invalidData(place(i), `is ${blank}, the blank, which ctc inserts between labels itself.`);
    }
    if (i % each > 0 && labels[i - 1] === -1 && labels[i] !== -1) {
      const help = 'Only -1 may follow the first -1, which ends the labels of a sequence.';
      throw invalidData(place(i), `is a label after the end of the labels, got ${labels[i]}.`, help);
    }
  }
}

/** Throws `INVALID_DATA` for the first sequence with fewer steps than its labels need, so that no path spells them. */
function requireEnoughSteps({ batchSize, labels, lengths }: CtcTargets): void {
  const each = labels.length / batchSize;
  for (let n = 0; n < batchSize; n++) {
    let needed = 0;
    for (let s = n * each; s < (n + 1) * each && labels[s]! >= 0; s++) {
      needed += s > n * each && labels[s] === labels[s - 1] ? 2 : 1; // a blank must separate equal labels
    }
    if (needed <= lengths[n]!) continue;
    throw invalidData(
      `sequence ${n}`,
      `has ${lengths[n]} steps, but ctc needs ${needed} for its labels (one each, and one between equal labels).`,
      'Give it more steps or fewer labels, or set zeroInfinity: true, which skips such sequences.',
    );
  }
}
