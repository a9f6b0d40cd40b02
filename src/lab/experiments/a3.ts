/** A3: every method with frozen weights, compared with the exact gradient. */
import { Model } from '../../core/model.js';
import { createRng } from '../../core/rng.js';
import type { GradientEstimator } from '../../estimators/estimator.js';
import { artbp, hDetach, tbptt } from '../../estimators/methods/backwards.js';
import { pes } from '../../estimators/methods/evolution.js';
import { forwardGradient } from '../../estimators/methods/forward-gradient.js';
import { eprop, rflo, snap } from '../../estimators/methods/local.js';
import { kfRtrl, uoro } from '../../estimators/methods/rank-one.js';
import { rtrl } from '../../estimators/methods/rtrl.js';
import { randomizedTelescope } from '../../estimators/methods/telescope.js';
import { modelSystem } from '../../estimators/model/system.js';
import { selectKernels } from '../../kernels/select.js';
import { compare } from '../compare.js';
import {
  byLabel,
  type Experiment,
  everySeed,
  figure,
  type Job,
  NUMPY_NOTE,
  type Plot,
  spread,
  type Verdict,
} from './experiment.js';

interface Case {
  readonly make: () => GradientEstimator;
  /** Our earlier NumPy measurement: the cosine of a biased method, the relative variance of an unbiased one. */
  readonly numpy: string;
}

/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  RTRL: { make: rtrl, numpy: 'equal to 4e-16' },
  'sliding K=1': { make: () => tbptt({ k1: 1, k2: 1 }), numpy: 'cosine .78' },
  'sliding K=5': { make: () => tbptt({ k1: 1, k2: 5 }), numpy: 'cosine .97' },
  'sliding K=10': { make: () => tbptt({ k1: 1, k2: 10 }), numpy: 'cosine .99' },
  'sliding K=20': { make: () => tbptt({ k1: 1, k2: 20 }), numpy: 'cosine .998' },
  'block K=20': { make: () => tbptt({ k1: 20, k2: 20 }), numpy: '' },
  'SnAp-1': { make: () => snap({ n: 1 }), numpy: 'cosine .944' },
  'e-prop': { make: eprop, numpy: 'cosine .943' },
  RFLO: { make: rflo, numpy: '' },
  'h-detach 0.5': { make: () => hDetach({ rate: 0.5 }), numpy: '' },
  'ARTBP c=1/16': { make: () => artbp({ cut: 1 / 16 }), numpy: 'variance .25' },
  'telescope 0.9': { make: () => randomizedTelescope({ keep: 0.9 }), numpy: '' },
  'KF-RTRL': { make: kfRtrl, numpy: 'variance 3.7' },
  UORO: { make: uoro, numpy: 'variance 87' },
  'forward gradient': { make: forwardGradient, numpy: 'variance 1.4e3' },
  'PES, 100 particles': { make: () => pes({ particles: 100, sigma: 1e-3 }), numpy: '' },
};

const [INPUTS, UNITS, STEPS] = [4, 16, 60];

interface A3Job extends Job {
  readonly draws: number;
}

async function examine({ label, seed, draws }: A3Job) {
  const kernels = await selectKernels({ backend: 'reference', precision: 'float64' });
  const layers = [
    { kind: 'lstm' as const, hiddenSize: UNITS, bias: 'single' as const },
    { kind: 'linear' as const, size: 1 },
  ];
  const model = new Model(kernels, { seed, inputSize: INPUTS, layers });
  const random = createRng(seed, 'a3 data');
  const normals = (count: number) => Float64Array.from({ length: count }, () => random.normal());
  const sequence = Array.from({ length: STEPS }, () => ({ input: normals(INPUTS), target: normals(1) }));
  const system = modelSystem(model);
  const report = compare([CASES[label]!.make()], system, sequence, { draws, seed });
  const { total, blocks, floats, macs, ms, errorOfMean } = report.comparisons[0]!;
  system.dispose();
  model.dispose();
  const { cosine, normRatio, bias, variance, z, biasInterval } = total;
  const [biasLow, biasHigh] = biasInterval;
  return {
    values: {
      cosine,
      normRatio,
      bias,
      biasLow,
      biasHigh,
      variance,
      z,
      floats,
      macs,
      ms,
      parameters: model.size,
      ...Object.fromEntries(blocks.map((block) => [`cosine ${block.block}`, block.cosine])),
    },
    curves: { errorOfMean: errorOfMean.map(({ draws: n, error }) => [n, error] as const) },
  };
}

/** Median over the seeds. */
const middle = (results: readonly { readonly values: Readonly<Record<string, number>> }[], name: string): number =>
  spread(results.map(({ values }) => values[name]!)).median;

const plots = (groups: ReturnType<typeof byLabel>): Plot[] => [
  {
    title: 'Error of the mean over the draws (slope -1/2 without bias)',
    x: { label: 'draws', log: true },
    y: { label: '|mean - g| / |g|', log: true },
    mark: 'line',
    series: [...groups]
      .filter(([label]) => CASES[label]!.make().stochastic)
      .map(([label, [first]]) => ({ label, points: first!.curves!.errorOfMean! })),
  },
  {
    title: 'Bias and cost',
    x: { label: 'multiply-adds', log: true },
    y: { label: 'bias |mean - g| / |g|', log: true },
    mark: 'dot',
    series: [...groups]
      .filter(([, results]) => middle(results, 'bias') > 1e-12)
      .map(([label, results]) => ({
        label,
        points: results.map(({ values }) => [values.macs!, values.bias!] as const),
      })),
  },
];

export const a3: Experiment<A3Job> = {
  id: 'a3',
  title: 'Frozen weights: bias, variance, cost',
  question:
    'How far is each method from the exact gradient of a fixed LSTM, on average and in one draw, and what does it cost?',
  source: `LSTM with ${UNITS} units and ${INPUTS} inputs, ${STEPS} steps of noise with a target at each, float64. The order of the methods should hold; the values depend on the seed. ${NUMPY_NOTE}`,
  papers: [],
  jobs: ({ seeds, full }) =>
    Object.entries(CASES).flatMap(([label, { make }]) => {
      const draws = make().stochastic ? (full ? 4096 : 512) : 1;
      return everySeed(label, Math.max(3, seeds), `, ${draws} draws`).map((job) => ({ ...job, draws }));
    }),
  run: (job) => examine(job),
  report(done) {
    const groups = byLabel(done);
    const at = (label: string, name: string) => middle(groups.get(label) ?? [], name);
    const rows = [...groups].map(([label, results]) => {
      const { unbiased, stochastic } = CASES[label]!.make();
      return [
        label,
        unbiased ? 'yes' : 'no',
        CASES[label]!.numpy,
        ...['cosine', 'normRatio', 'bias'].map((name) => figure(middle(results, name))),
        stochastic ? figure(middle(results, 'variance')) : '0',
        stochastic ? figure(middle(results, 'z')) : '',
        ...['floats', 'macs', 'ms'].map((name) => figure(middle(results, name))),
      ];
    });
    return {
      tables: [
        {
          title: 'Compared with the exact gradient: medians over the seeds',
          columns: [
            'method',
            'unbiased',
            'our NumPy',
            'cosine',
            'norm ratio',
            'bias',
            'variance',
            'z',
            'floats',
            'multiply-adds',
            'ms',
          ],
          rows,
        },
      ],
      plots: plots(groups),
      verdicts: verdicts(groups, at),
    };
  },
};

function verdicts(groups: ReturnType<typeof byLabel>, at: (label: string, name: string) => number): Verdict[] {
  const list: Verdict[] = [];
  const has = (...labels: string[]) => labels.every((label) => groups.has(label));
  const ordered = (claim: string, labels: readonly string[], name: string): void => {
    if (!has(...labels)) return;
    const values = labels.map((label) => at(label, name));
    list.push({
      claim,
      found: values.map(figure).join(' < '),
      holds: values.every((v, i) => i === 0 || values[i - 1]! < v),
    });
  };
  if (has('RTRL'))
    list.push({
      claim: 'RTRL equals BPTT (our NumPy: to 4e-16)',
      found: figure(at('RTRL', 'bias')),
      holds: at('RTRL', 'bias') < 1e-12,
    });
  ordered(
    'cosine grows with the horizon (our NumPy: .78 < .97 < .99 < .998)',
    ['sliding K=1', 'sliding K=5', 'sliding K=10', 'sliding K=20'],
    'cosine',
  );
  ordered(
    'SnAp-1 is between sliding K=1 and K=10 (our NumPy: .78 < .944 < .99)',
    ['sliding K=1', 'SnAp-1', 'sliding K=10'],
    'cosine',
  );
  ordered(
    'variance: ARTBP < KF-RTRL < UORO < forward gradient (our NumPy: .25 < 3.7 < 87 < 1.4e3)',
    ['ARTBP c=1/16', 'KF-RTRL', 'UORO', 'forward gradient'],
    'variance',
  );
  for (const [label, results] of groups) {
    const { unbiased, stochastic } = CASES[label]!.make();
    if (!stochastic || !unbiased) continue;
    const zs = results.map(({ values }) => values.z!);
    list.push({
      claim: `${label} has no bias: z below 4 for every seed`,
      found: zs.map(figure).join(', '),
      holds: zs.every((z) => z < 4),
    });
  }
  return list;
}
