/** Chapter 3: an untrained layer, with weights that are initialized in different ways. */
import { createModel, createRng, type Initializer } from 'unspool';
import { type Grid, gateStatistics, type LstmTrace, trace } from 'unspool/inspect';
import { singularValues } from 'unspool/lab';

const INPUTS = 4;
const UNITS = 16;
const STEPS = 40;
/** How often a vector is multiplied by the recurrent weights. */
const PRODUCTS = 20;
/** Outputs that differ by less belong to units that compute the same thing. */
const SAME = 1e-9;

export const WEIGHT_CHOICES = ['equal', 'small', 'uniform', 'orthogonal', 'large'] as const;
export type WeightChoice = (typeof WEIGHT_CHOICES)[number];

const INITIALIZERS: Readonly<Record<WeightChoice, { readonly input: Initializer; readonly recurrent: Initializer }>> = {
  equal: { input: { kind: 'constant', value: 0.1 }, recurrent: { kind: 'constant', value: 0.1 } },
  small: { input: { kind: 'uniform', bound: 0.02 }, recurrent: { kind: 'uniform', bound: 0.02 } },
  uniform: { input: 'uniform', recurrent: 'uniform' },
  orthogonal: { input: 'uniform', recurrent: 'orthogonal' },
  large: { input: { kind: 'uniform', bound: 4 }, recurrent: { kind: 'uniform', bound: 4 } },
};

export interface InitializationLesson {
  /** The recurrent weights of all gates. */
  readonly weights: readonly number[];
  /** The length of a vector after 0, 1, 2, ... multiplications by the recurrent weights of the candidate. */
  readonly lengths: readonly number[];
  /** The smallest and the largest singular value of these weights. */
  readonly singular: readonly [smallest: number, largest: number];
  /** The values of i, f and o of all units at all time steps. */
  readonly gates: Readonly<Record<'i' | 'f' | 'o', readonly number[]>>;
  readonly meanForget: number;
  /** The share of the values of i, f and o below 0.1 or above 0.9. */
  readonly saturated: number;
  readonly units: number;
  /** The number of units whose outputs differ from those of all units before. */
  readonly distinctUnits: number;
}

/** Lengths of v, W v, W W v, ... for a vector v of length 1. */
function lengthsOf(W: ArrayLike<number>, H: number): number[] {
  let v = Array.from({ length: H }, (_, j) => (j % 2 === 0 ? 1 : -1) / Math.sqrt(H));
  const lengths = [1];
  for (let k = 0; k < PRODUCTS; k++) {
    v = v.map((_, row) => v.reduce((sum, x, col) => sum + W[row * H + col]! * x, 0));
    lengths.push(Math.hypot(...v));
  }
  return lengths;
}

function distinctColumns({ rows, cols, data }: Grid): number {
  const differ = (j: number, k: number): boolean =>
    Array.from({ length: rows }, (_, t) => Math.abs(data[t * cols + j]! - data[t * cols + k]!)).some((v) => v > SAME);
  return Array.from({ length: cols }, (_, j) => j).filter((j) =>
    Array.from({ length: j }, (_, k) => k).every((k) => differ(j, k)),
  ).length;
}

async function untrainedLayer(choice: WeightChoice, forgetBias: number) {
  const init = { ...INITIALIZERS[choice], forgetBias };
  const model = await createModel(
    {
      seed: 7,
      inputSize: INPUTS,
      layers: [
        { kind: 'lstm', hiddenSize: UNITS, bias: 'single', init },
        { kind: 'linear', size: 1 },
      ],
    },
    { backend: 'reference', precision: 'float64' },
  );
  const random = createRng(1, 'inputs');
  const inputs = Float64Array.from({ length: STEPS * INPUTS }, () => random.normal());
  try {
    return await trace(model, { steps: STEPS, batchSize: 1, inputs, targets: new Float64Array(STEPS) });
  } finally {
    model.dispose();
  }
}

const saturatedShare = (layer: LstmTrace): number => {
  const gates = gateStatistics(layer).filter(({ gate }) => gate !== 'g');
  return gates.reduce((sum, { closed, open }) => sum + closed + open, 0) / gates.length;
};

export async function initialization(choice: WeightChoice, forgetBias: number): Promise<InitializationLesson> {
  const { layers, parameters } = await untrainedLayer(choice, forgetBias);
  const [layer] = layers;
  const { weight_hh } = layer!.parameters;
  const weights = Array.from(parameters[weight_hh!]!.data);
  const candidate = weights.slice(2 * UNITS * UNITS, 3 * UNITS * UNITS); // in the order i, f, g, o
  const singular = singularValues(candidate);
  const valuesOf = (gate: 'i' | 'f' | 'o'): number[] => Array.from(layer!.gates[gate].data);
  const forget = valuesOf('f');
  return {
    weights,
    lengths: lengthsOf(candidate, UNITS),
    singular: [singular.at(-1)!, singular[0]!],
    gates: { i: valuesOf('i'), f: forget, o: valuesOf('o') },
    meanForget: forget.reduce((sum, v) => sum + v, 0) / forget.length,
    saturated: saturatedShare(layer!),
    units: UNITS,
    distinctUnits: distinctColumns(layer!.h),
  };
}
