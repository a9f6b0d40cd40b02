/** Whether the probabilities of a classifier are as large as its accuracy. */

/** Predictions with probabilities in one range. */
export interface CalibrationBin {
  /** The range of the largest probability, from `from` to `to`. */
  readonly from: number;
  readonly to: number;
  /** Predictions in it. */
  readonly count: number;
  /** Their mean probability, and the share of them that is correct; null without predictions. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** The calibration of a classifier. */
export interface CalibrationReport {
  /**
   * Expected calibration error: the mean over all predictions of the difference between confidence and accuracy of their bin, 0 to 1
   * (Guo et al. 2017).
   */
  readonly ece: number;
  readonly bins: readonly CalibrationBin[];
}

/** Compares the probability of each predicted class with whether it is correct, in bins of equal width. */
export function calibrationOf(
  confidences: ArrayLike<number>,
  correct: ArrayLike<boolean>,
  count = 10,
): CalibrationReport {
  const sums = Array.from({ length: count }, () => ({ count: 0, confidence: 0, correct: 0 }));
  for (let i = 0; i < confidences.length; i++) {
    const bin = sums[Math.min(count - 1, Math.floor(confidences[i]! * count))]!;
    bin.count++;
    bin.confidence += confidences[i]!;
    if (correct[i]) bin.correct++;
  }
  const gaps = sums.map((bin) => Math.abs(bin.confidence - bin.correct));
  return {
    ece: gaps.reduce((sum, gap) => sum + gap) / confidences.length,
    bins: sums.map((bin, i) => ({
      ...{ from: i / count, to: (i + 1) / count, count: bin.count },
      confidence: bin.count > 0 ? bin.confidence / bin.count : null,
      accuracy: bin.count > 0 ? bin.correct / bin.count : null,
    })),
  };
}
