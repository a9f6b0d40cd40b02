/** What the gradient estimators do, in one line each. The names are those of the library, see docs/lab.md. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  bptt: 'the exact gradient',
  tbptt: 'every k1 steps, back through k2 steps',
  rtrl: 'exact, forward in time',
  snap: 'RTRL, limited to what a weight reaches in n steps',
  uoro: 'RTRL as a random outer product: unbiased, noisy',
  eprop: 'without the path through h',
  rflo: 'e-prop with random feedback weights',
  hDetach: 'drops the path through h at random steps',
  syntheticGradients: 'windows of k steps, later gradients predicted',
};

/** The description of an estimator such as `tbptt:k1=4,k2=8`; empty if there is none. */
export const describeEstimator = (estimator: string): string => DESCRIPTIONS[estimator.split(':')[0]!] ?? '';
