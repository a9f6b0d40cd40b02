/** Results of `unspool lab compare` as tables, plots and a page. */
import { figure, type Plot, type Table } from '../../lab/experiments/experiment.js';
import {
  type Comparison,
  gradientsByStep,
  lagSpectrum,
  type StalenessPoint,
  type StepData,
  type System,
} from '../../lab/index.js';
import { reportPage } from './page.js';

/** The results of one seed. */
export interface Found {
  readonly seed: number;
  readonly comparisons: readonly Comparison[];
  readonly warnings: readonly string[];
  readonly stale?: readonly { readonly name: string; readonly points: readonly StalenessPoint[] }[];
}

/** How the exact gradient flows back in time, for the first seed. */
export interface Flow {
  /** |G_k| by lag k, and the cosine of the lags up to k with the whole gradient. */
  readonly norms: readonly number[];
  readonly cosines: readonly number[];
  /** |dL/dh| and |dL/dc| by step, over all layers. */
  readonly h: readonly number[];
  readonly c: readonly number[];
}

export function flowOf(system: System, sequence: readonly StepData[]): Flow {
  const steps = gradientsByStep(system, sequence);
  const sizes = (kind: 'h' | 'c'): number[] =>
    steps.map(({ stateGradient }) => {
      const own = system.parts.filter((part) => part.kind === kind);
      return Math.hypot(...own.flatMap(({ from, to }) => [...stateGradient.subarray(from, to)]));
    });
  return { ...lagSpectrum(system, sequence), h: sizes('h'), c: sizes('c') };
}

/** How to read the columns of the table. */
export const COLUMN_NOTE =
  'The bias of a stochastic estimator has the noise of its draws; the interval does not, and starts at 0 if the bias may be chance. ' +
  'The variance is that of one draw, relative to |g|^2. z is the bias relative to its random error, about 1 without bias.';

export function comparisonTable(found: readonly Found[]): Table {
  const rows = found[0]!.comparisons.flatMap((_, i) =>
    found.map(({ seed, comparisons }) => {
      const { name, stochastic, total, floats, macs, ms } = comparisons[i]!;
      const { cosine, normRatio, bias, biasInterval, variance, z } = total;
      const range = stochastic ? `${figure(biasInterval[0])}-${figure(biasInterval[1])}` : '';
      const random = stochastic ? [figure(variance), figure(z)] : ['0', ''];
      return [
        name,
        seed,
        ...[cosine, normRatio, bias].map(figure),
        range,
        ...random,
        ...[floats, macs, ms].map(figure),
      ];
    }),
  );
  return {
    title: 'Compared with the exact gradient',
    columns: [
      'estimator',
      'seed',
      'cosine',
      'norm ratio',
      'bias',
      '95 % interval',
      'variance',
      'z',
      'floats',
      'multiply-adds',
      'ms',
    ],
    rows,
  };
}

/** The staleness at the last emission. */
export function staleTable(found: readonly Found[]): Table {
  const rows = (found[0]!.stale ?? []).flatMap(({ name }, i) =>
    found.map(({ seed, stale }) => {
      const { step, ...last } = stale![i]!.points.at(-1)!;
      return [name, seed, step, ...[last.staleness, last.cosine, last.cosineHeld].map(figure)];
    }),
  );
  return {
    title: 'While the parameters change, at the last emission',
    columns: ['estimator', 'seed', 'step', 'staleness', 'cosine', 'cosine, fixed parameters'],
    rows,
  };
}

const indexed = (values: readonly number[]) => values.map((v, i) => [i, v] as const);

const log = (label: string) => ({ label, log: true });

const flowPlots = (flow: Flow): Plot[] => [
  {
    title: 'The exact gradient by lag: |G_k|',
    x: { label: 'lag k, steps' },
    y: log('norm'),
    mark: 'line',
    series: [{ label: '|G_k|', points: indexed(flow.norms) }],
  },
  {
    title: 'Share of the lags up to k: cosine with the whole gradient',
    x: { label: 'lag k, steps' },
    y: { label: 'cosine' },
    mark: 'line',
    series: [{ label: 'lags up to k', points: indexed(flow.cosines) }],
  },
  {
    title: 'dL/dh and dL/dc over time',
    x: { label: 'step' },
    y: log('norm'),
    mark: 'line',
    series: [
      { label: '|dL/dh|', points: indexed(flow.h) },
      { label: '|dL/dc|', points: indexed(flow.c) },
    ],
  },
];

const costPlot = (quantity: 'bias' | 'variance', comparisons: readonly Comparison[]): Plot => ({
  title: `${quantity === 'bias' ? 'Bias' : 'Variance'} and cost`,
  x: log('multiply-adds'),
  y: log(quantity),
  mark: 'dot',
  series: comparisons.map(({ name, macs, total }) => ({ label: name, points: [[macs, total[quantity]] as const] })),
});

const errorPlot = (comparisons: readonly Comparison[]): Plot => ({
  title: 'Error of the mean by number of draws (slope -1/2 without bias)',
  x: log('draws'),
  y: log('|mean - g| / |g|'),
  mark: 'line',
  series: comparisons.map(({ name, errorOfMean }) => ({
    label: name,
    points: errorOfMean.map(({ draws, error }) => [draws, error] as const),
  })),
});

const stalenessPlot = (stale: NonNullable<Found['stale']>): Plot => ({
  title: 'Staleness: the error from parameters that change',
  x: { label: 'step' },
  y: log('staleness'),
  mark: 'line',
  series: stale.map(({ name, points }) => ({
    label: name,
    points: points.map(({ step, staleness }) => [step, staleness] as const),
  })),
});

/** The plots of the first seed, without those that have no points. */
export function comparisonPlots([first]: readonly Found[], flow: Flow): Plot[] {
  const { comparisons, stale = [] } = first!;
  const biased = comparisons.filter(({ total }) => total.bias > 1e-12);
  const stochastic = comparisons.filter((comparison) => comparison.stochastic);
  const all = [
    ...flowPlots(flow),
    costPlot('bias', biased),
    costPlot('variance', stochastic),
    errorPlot(stochastic),
    stalenessPlot(stale),
  ];
  return all.filter(({ series }) => series.some(({ points }) => points.length > 0));
}

export function comparisonPage(
  description: string,
  settings: object,
  found: readonly Found[],
  flow: Flow,
): Promise<string> {
  const tables = [comparisonTable(found), ...(found[0]!.stale ? [staleTable(found)] : [])];
  const about = {
    id: 'compare',
    title: 'gradient estimators',
    question: `How far from the exact gradient of ${description} is each estimator?`,
    source: `Cosine, norm ratio and bias are those of the mean of the draws. ${COLUMN_NOTE} The plots show the first seed.`,
  };
  const lines = ['unspool lab compare', ...Object.entries(settings).map(([name, value]) => `${name}: ${value}`)];
  const warnings = [...new Set(found.flatMap((one) => one.warnings))];
  return reportPage(about, { tables, plots: comparisonPlots(found, flow), verdicts: [] }, [...lines, ...warnings]);
}
