/** Splits samples into training, validation and test parts: stratified by class, by group, or in folds. */
import { createRng, shuffled } from '../../core/rng.js';
import { invalidData } from '../../errors.js';
import type { PartName } from '../series/split.js';
import { groupedBy } from './grouped.js';
import type { SequenceSettings } from './options.js';
import type { Sample } from './read.js';

/** The samples of each part. */
export type SampleParts = Readonly<Record<PartName, readonly Sample[]>>;

/** Samples that stay together: those of a group, or one sample. */
interface Bundle {
  readonly samples: readonly Sample[];
  /** Samples of one class are spread evenly over the order. */
  readonly stratum: string;
}

function bundlesOf(samples: readonly Sample[], isStratified: boolean): Bundle[] {
  const stratumOf = ({ labels }: Sample): string => (isStratified ? labels[0]! : '');
  const singles = samples.filter(({ group }) => group === null).map((sample) => [sample]);
  const together = groupedBy(
    samples.filter(({ group }) => group !== null),
    ({ group }) => group,
  );
  return [...singles, ...together.values()].map((list) => ({ samples: list, stratum: stratumOf(list[0]!) }));
}

/**
 * A random order in which the classes are mixed evenly. Bundle i of the n of a class is at (i + u) / n, with one random
 * u per class. So any interval of length d has n d of them, give or take less than one, and any consecutive bundles have
 * the shares of all.
 */
function stratifiedOrder(bundles: readonly Bundle[], seed: number): Bundle[] {
  const rng = createRng(seed, 'split');
  return [...groupedBy(bundles, ({ stratum }) => stratum).values()]
    .flatMap((list) => {
      const offset = rng.uniform();
      return shuffled(list, rng).map((bundle, i) => ({ bundle, at: (i + offset) / list.length }));
    })
    .sort((a, b) => a.at - b.at)
    .map(({ bundle }) => bundle);
}

const countOf = (share: number, samples: number): number => (share < 1 ? Math.round(share * samples) : share);

/** The first bundles with at least `count` samples, and the others. */
function take(order: readonly Bundle[], count: number): [taken: Bundle[], left: Bundle[]] {
  let [sum, end] = [0, 0];
  while (end < order.length && sum < count) sum += order[end++]!.samples.length;
  return [order.slice(0, end), order.slice(end)];
}

/** Splits samples at random. `what` names the file in an error. */
export function splitSamples(
  samples: readonly Sample[],
  settings: SequenceSettings,
  isStratified: boolean,
  what: string,
): SampleParts {
  const { test, validation, folds, fold, seed } = settings;
  const bundles = bundlesOf(samples, isStratified);
  const order = stratifiedOrder(bundles, seed);
  // Consecutive bundles: every second one of two classes that alternate would be of one class.
  const [from, to] = [fold - 1, fold].map((end) => Math.floor((end * order.length) / folds)) as [number, number];
  const [testPart, rest] =
    folds > 0
      ? [order.slice(from, to), [...order.slice(0, from), ...order.slice(to)]]
      : take(order, countOf(test, samples.length));
  const [validationPart, trainPart] = take(rest, countOf(validation, samples.length));
  const isTooSmall = trainPart.length === 0 || (folds > 0 && testPart.length === 0);
  if (isTooSmall) {
    const unit = settings.group === null ? 'samples' : 'groups';
    const problem = `has ${bundles.length} ${unit}, which are too few for the training, validation and test parts.`;
    throw invalidData(what, problem, 'Give more, or lower validation, test or folds.');
  }
  const samplesOf = (part: readonly Bundle[]): Sample[] => part.flatMap((bundle) => bundle.samples);
  return { train: samplesOf(trainPart), validation: samplesOf(validationPart), test: samplesOf(testPart) };
}

/** The ends of the parts of a plain text, in characters: the test part is last, the validation part before it. */
export function splitText(
  length: number,
  { test, validation }: SequenceSettings,
  what: string,
): { train: number; validation: number } {
  const validationEnd = length - countOf(test, length);
  const train = validationEnd - countOf(validation, length);
  if (train > 0) return { train, validation: validationEnd };
  const problem = `has ${length} characters, which are too few for the training, validation and test parts.`;
  throw invalidData(what, problem, 'Give more text, or lower validation or test.');
}
