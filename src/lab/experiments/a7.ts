/** A7: the forward pass by Newton's method over the whole trajectory. */
import { Model } from '../../core/model.js';
import { createRng } from '../../core/rng.js';
import { solveTrajectory } from '../../estimators/methods/deer.js';
import { modelSystem } from '../../estimators/model/system.js';
import { selectKernels } from '../../kernels/select.js';
import { PAPERS } from '../papers.js';
import {
  byLabel,
  type Experiment,
  everySeed,
  firstCurves,
  type Job,
  NUMPY_NOTE,
  spread,
  type Verdict,
} from './experiment.js';

const [INPUTS, UNITS, STEPS, TOLERANCE] = [4, 16, 1000, 1e-10];
const SCALES = [0.5, 1, 2] as const;
/** Iterations that we measured earlier with NumPy, by scale. */
const NUMPY = { deer: [5, 5, 13], quasiDeer: [18, 37, 199] } as const;
const METHODS = ['deer', 'quasiDeer'] as const;

interface A7Job extends Job {
  readonly method: (typeof METHODS)[number];
  readonly scale: number;
}

const labelOf = (method: A7Job['method'], scale: number): string =>
  `${method === 'deer' ? 'DEER' : 'quasi-DEER'}, weights ${scale}`;

async function solve({ method, scale, seed }: A7Job) {
  const kernels = await selectKernels({ backend: 'reference', precision: 'float64' });
  const layers = [{ kind: 'lstm' as const, hiddenSize: UNITS, bias: 'single' as const }];
  const model = new Model(kernels, { inputSize: INPUTS, layers });
  const random = createRng(seed, 'a7');
  const normals = (count: number, by: number) => Float64Array.from({ length: count }, () => by * random.normal());
  for (const name of ['lstm.weight_ih_l0', 'lstm.weight_hh_l0']) {
    const { size } = model.parameters.layout.entry(name);
    model.parameters.set(name, normals(size, scale / Math.sqrt(UNITS)));
  }
  const sequence = Array.from({ length: STEPS }, () => ({ input: normals(INPUTS, 1), target: null }));
  const system = modelSystem(model);
  const { iterations, changes, states } = solveTrajectory(system, sequence, { method, tolerance: TOLERANCE });
  let state: ArrayLike<number> = system.initial();
  let error = 0;
  for (const [t, data] of sequence.entries()) {
    const step = system.step(state, data);
    for (const [i, v] of step.state.entries()) error = Math.max(error, Math.abs(v - states[t]![i]!));
    state = step.state;
    step.release();
  }
  system.dispose();
  model.dispose();
  return {
    values: { iterations, error },
    curves: { change: changes.map((change, i) => [i + 1, change] as const) },
  };
}

export const a7: Experiment<A7Job> = {
  id: 'a7',
  title: 'A trajectory by Newton iterations',
  question: `How many Newton iterations replace ${STEPS} sequential steps, with the full Jacobians and with only the block of each unit?`,
  source: `The method is that of Lim et al. 2023. LSTM with ${UNITS} units and ${INPUTS} inputs of noise, float64, tolerance ${TOLERANCE}, from a guess of zeros. Weights are normal with std scale / sqrt(units); the forget gate's bias is 1. ${NUMPY_NOTE}`,
  papers: [PAPERS.deer],
  jobs: ({ seeds }) =>
    METHODS.flatMap((method) =>
      SCALES.flatMap((scale) => everySeed(labelOf(method, scale), seeds).map((job) => ({ ...job, method, scale }))),
    ),
  run: solve,
  report(done) {
    const groups = byLabel(done);
    const of = (label: string, name: string) => spread((groups.get(label) ?? []).map(({ values }) => values[name]!));
    const lines = METHODS.flatMap((method) =>
      SCALES.map((scale, i) => [labelOf(method, scale), NUMPY[method][i]!] as const),
    );
    const verdicts = METHODS.map((method): Verdict => {
      const found = SCALES.map((scale) => of(labelOf(method, scale), 'iterations').median);
      const expected = NUMPY[method];
      const few = found.every((n, i) => n <= 2 * expected[i]!);
      const grows = found.every((n, i) => i === 0 || found[i - 1]! <= n);
      return {
        claim: `${method === 'deer' ? 'DEER' : 'quasi-DEER'}: iterations grow with the weights, .5, 1, 2, and are at most twice those of our NumPy program (${expected.join(', ')})`,
        found: found.join(', '),
        holds: few && grows,
      };
    });
    const worst = Math.max(...done.map(({ values }) => values.error!));
    verdicts.push({
      claim: 'the states equal those of sequential steps',
      found: `to ${worst.toExponential(1)}`,
      holds: worst < 1e-8,
    });
    return {
      tables: [
        {
          title: `Iterations instead of ${STEPS} steps`,
          columns: ['method', 'our NumPy', 'median', 'min', 'max', 'error'],
          rows: lines.map(([label, expected]) => {
            const { median, low, high } = of(label, 'iterations');
            return [label, expected, median, low, high, of(label, 'error').high.toExponential(1)];
          }),
        },
      ],
      plots: [
        {
          title: 'Largest change of a state (first seed of each)',
          x: { label: 'iteration', log: true },
          y: { label: 'change', log: true },
          mark: 'line',
          series: firstCurves(groups, 'change'),
        },
      ],
      verdicts,
    };
  },
};
