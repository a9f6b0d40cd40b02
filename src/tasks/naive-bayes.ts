/** Naive Bayes on n-grams of characters: the baseline of text classification. */
import { groupedBy } from '../data/sequences/grouped.js';
import type { EncodedSample } from '../data/sequences/source.js';

/** Longest n-grams that are tried. */
const MAX_N = 6;
/** Without validation samples to choose n on. */
const DEFAULT_N = 4;
/** Added to each count (Lidstone). */
const ALPHA = 0.1;
/** Marks the beginning and the end; a separator that no token contains. */
const [BEGIN, END, SEPARATOR] = ['\u0002', '\u0003', '\u0001'];

/** The n-grams of lengths 1 to n, with marks at both ends. */
function gramsOf(tokens: readonly string[], n: number): string[] {
  const marked = [BEGIN, ...tokens, END];
  const grams: string[] = [];
  for (let from = 0; from < marked.length; from++) {
    let gram = '';
    for (let to = from; to < Math.min(marked.length, from + n); to++) {
      gram += marked[to]! + SEPARATOR;
      grams.push(gram);
    }
  }
  return grams;
}

/** A naive Bayes classifier: log probabilities of classes given n-grams, up to a constant. */
class NaiveBayes {
  private readonly n: number;
  private readonly priors: readonly number[];
  private readonly counts: readonly Map<string, number>[];
  private readonly logTotals: readonly number[];

  constructor(samples: readonly EncodedSample[], classes: number, n: number) {
    this.n = n;
    const byClass = groupedBy(samples, ({ targets }) => targets[0]!);
    const of = (k: number): readonly EncodedSample[] => byClass.get(k) ?? [];
    this.priors = Array.from({ length: classes }, (_, k) => Math.log(of(k).length / samples.length));
    this.counts = this.priors.map((_, k) => {
      const counts = new Map<string, number>();
      for (const { sample } of of(k)) {
        for (const gram of gramsOf(sample.tokens, n)) counts.set(gram, (counts.get(gram) ?? 0) + 1);
      }
      return counts;
    });
    const size = new Set(this.counts.flatMap((counts) => [...counts.keys()])).size;
    this.logTotals = this.counts.map((counts) => {
      let total = ALPHA * size;
      for (const count of counts.values()) total += count;
      return Math.log(total);
    });
  }

  predict({ sample }: EncodedSample): number {
    const grams = gramsOf(sample.tokens, this.n);
    const scores = this.priors.map((prior, k) =>
      grams.reduce((sum, gram) => sum + Math.log((this.counts[k]!.get(gram) ?? 0) + ALPHA) - this.logTotals[k]!, prior),
    );
    return scores.indexOf(Math.max(...scores));
  }

  accuracy(samples: readonly EncodedSample[]): number {
    return samples.filter((one) => this.predict(one) === one.targets[0]).length / samples.length;
  }
}

/** A baseline: its name, and the number of the class of a sample. */
export interface ClassBaseline {
  readonly name: string;
  predict(sample: EncodedSample): number;
}

/** Naive Bayes with the n that is best on the validation samples, fitted on those and the training samples. */
export function naiveBayes(
  train: readonly EncodedSample[],
  validation: readonly EncodedSample[],
  classes: number,
): ClassBaseline {
  let [best, n] = [-1, DEFAULT_N];
  for (let tried = 1; tried <= MAX_N && validation.length > 0; tried++) {
    const accuracy = new NaiveBayes(train, classes, tried).accuracy(validation);
    if (accuracy > best) [best, n] = [accuracy, tried];
  }
  const fitted = new NaiveBayes([...train, ...validation], classes, n);
  return { name: `naive Bayes, character n-grams up to ${n}`, predict: (sample) => fitted.predict(sample) };
}
