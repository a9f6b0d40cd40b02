/** Checks of the targets of a loss. An error names the losses that the targets do fit. */
import { requireList, requireTokens, requireValues, type Unread } from '../checks.js';
import type { ValueLoss } from '../contract/kernels.js';
import { invalidData, UnspoolError } from '../errors.js';
import { placeIn, type RowOrder, requireRowCount, rowAt, toTimeMajor } from './layout.js';
import type { LossSpec } from './losses.js';

/** The rows of a model's output, and its width. */
export interface OutputRows extends RowOrder {
  readonly width: number;
}

/** Columns of the targets for an output of `width` columns. */
export function targetWidth(spec: ValueLoss, width: number): number {
  const each = spec.kind === 'quantile' ? spec.quantiles.length : spec.kind === 'gaussian' ? 2 : 1;
  if (width % each === 0) return width / each;
  const what = spec.kind === 'gaussian' ? 'a mean and a log-variance' : `${each} quantiles`;
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op: spec.kind,
    tensor: 'the output (its width)',
    expected: [each * Math.ceil(width / each)],
    actual: [width],
    help: `The output needs ${what} per target: make the size of the last layer a multiple of ${each}.`,
  });
}

/** The losses whose targets these numbers can be; null unless all are finite. */
function fittingLosses(targets: ArrayLike<number>, { steps, batchSize, width }: OutputRows): string[] | null {
  const rows = steps * batchSize;
  const all = (test: (v: number) => boolean): boolean => Array.prototype.every.call(targets, test);
  if (targets.length === 0 || !all(Number.isFinite)) return null;
  const areClasses = all((v) => Number.isInteger(v) && v >= -1 && v < width);
  const labels = targets.length / batchSize;
  const each = (rows * width) / targets.length;
  return [
    width > 1 && areClasses && targets.length === rows && 'crossEntropy',
    areClasses && labels < steps && Number.isInteger(labels) && 'ctc',
    each === 1 && 'meanSquaredError, meanAbsoluteError, huber',
    each === 1 && all((v) => v >= 0 && v <= 1) && 'binaryCrossEntropy',
    each === 2 && 'gaussian',
    each > 1 && Number.isInteger(each) && `quantile (with ${each} quantiles)`,
  ].filter((name) => name !== false);
}

/** How to make targets fit: another shape, or another loss. */
function helpFor(kind: LossSpec['kind'], targets: ArrayLike<number>, rows: OutputRows, each = 1): string {
  const { steps, batchSize, width } = rows;
  const { length } = targets;
  const bySequence = batchSize * each;
  const hints = [
    steps > 1 && length === bySequence && "For one target per sequence, set returns: 'last' in the last lstm layer.",
    steps === 1 && length > bySequence && length % bySequence === 0 && "For a target per step, remove returns: 'last'.",
    kind === 'crossEntropy' && width > 1 && length === steps * bySequence * width && 'Pass class numbers, not rows.',
  ].filter((hint) => hint !== false);
  const losses = fittingLosses(targets, rows)?.filter((name) => name !== kind);
  if (losses) hints.push(`These targets fit ${losses.join(', ') || 'no other loss'}.`);
  return hints.join(' ');
}

/**
 * Requires an array (`INVALID_DATA`) with the number of targets that the loss needs (`SHAPE_MISMATCH`), and returns how many
 * numbers each row has: of the output, or for `ctc` of the sequences.
 */
export function requireTargetCount(spec: LossSpec, targets: unknown, rows: OutputRows): number {
  requireList('targets', targets);
  const { steps, batchSize, width, batchFirst } = rows;
  const { length } = targets;
  const ctc = spec.kind === 'ctc';
  const each = ctc
    ? Math.max(1, Math.ceil(length / batchSize))
    : spec.kind === 'crossEntropy'
      ? 1
      : targetWidth(spec, width);
  if (length === (ctc ? 1 : steps) * batchSize * each) return each;
  const shape = batchFirst ? [batchSize, steps, each] : [steps, batchSize, each];
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op: spec.kind,
    tensor: 'targets',
    expected: ctc ? [batchSize, each] : spec.kind === 'crossEntropy' ? shape.slice(0, 2) : shape,
    actual: [length],
    help: helpFor(spec.kind, targets, rows, each),
  });
}

/** Throws unless `targets` fit the loss, which is not CTC. Those of which `unread` is true may be anything. */
export function requireTargets(spec: LossSpec, targets: unknown, rows: OutputRows, unread?: Unread): void {
  const each = requireTargetCount(spec, targets, rows);
  checkTargets(spec, targets as ArrayLike<number>, rows, { each, unread });
}

function checkTargets(
  spec: LossSpec,
  list: ArrayLike<number>,
  rows: OutputRows,
  { each, unread }: { readonly each: number; readonly unread: Unread | undefined },
): void {
  const { width } = rows;
  const place = placeIn('targets', rows, each);
  const help = (): string => helpFor(spec.kind, list, rows, each);
  if (spec.kind === 'crossEntropy') {
    if (width === 1) {
      throw invalidData('targets', 'cannot be classes: crossEntropy needs an output of several columns.', help());
    }
    requireTokens('targets', list, width, { ignored: spec.ignoreIndex ?? -1, place, unread, help });
  } else {
    const isShare = spec.kind === 'binaryCrossEntropy';
    requireValues('targets', list, isShare ? { place, unread, help, min: 0, max: 1 } : { place, unread, help });
  }
}

/**
 * Requires a weight of at least 0 for each row. Returns a copy in time-major order, with 0 for rows that are not `active`; null:
 * 1 each.
 */
export function readWeights(weights: unknown, order: RowOrder, active: ArrayLike<number> | null): Float64Array | null {
  if (weights === undefined || weights === null) return active && Float64Array.from(active);
  requireRowCount('weights', weights, order);
  const unread = active ? (i: number) => active[rowAt(order, 1, i)] === 0 : undefined;
  requireValues('weights', weights, { place: placeIn('weights', order, 1), unread, min: 0 });
  return Float64Array.from(toTimeMajor(weights, order), (weight, r) => (active?.[r] === 0 ? 0 : weight));
}

/** How targets and weights are ordered, and which rows of the output count. */
export interface CountedRows {
  readonly batchFirst?: boolean | undefined;
  /** The steps of each sequence; null where all sequences have all steps. */
  readonly lengths?: { readonly steps: ArrayLike<number>; readonly active: ArrayLike<number> | null } | null;
}

/** Checks targets and weights, and returns them in time-major order. Targets of rows that do not count are replaced. */
export function readTargets(
  spec: LossSpec,
  rows: OutputRows & CountedRows,
  targets: ArrayLike<number>,
  weights: ArrayLike<number> | null,
): { readonly targets: ArrayLike<number>; readonly rowWeights: Float64Array | null } {
  const each = requireTargetCount(spec, targets, rows);
  const rowWeights = readWeights(weights, rows, rows.lengths?.active ?? null);
  const unread = rowWeights ? (i: number) => rowWeights[rowAt(rows, each, i)] === 0 : undefined;
  checkTargets(spec, targets, rows, { each, unread });
  const ordered = toTimeMajor(targets, rows);
  if (!rowWeights?.includes(0)) return { targets: ordered, rowWeights };
  const cleared = new Float64Array(ordered);
  const nothing = spec.kind === 'crossEntropy' ? (spec.ignoreIndex ?? -1) : 0;
  rowWeights.forEach((weight, r) => {
    if (weight === 0) cleared.fill(nothing, r * each, (r + 1) * each);
  });
  return { targets: cleared, rowWeights };
}
