/** Chapter 4: a small layer that has learned to count the ones in its input. */
import { adam, createModel, fit } from 'unspool';
import { type Grid, trace } from 'unspool/inspect';
import { stepsToBatch } from 'unspool/lab';
import { countOnes } from '../tasks/generated.js';
import { generatedSource } from '../tasks/sources.js';
import { sequenceRng } from '../tasks/task.js';

const STEPS = 20;
const UNITS = 2;
const UPDATES = 300;
const LEARNING_RATE = 0.03;

export interface ForwardUnit {
  readonly i: readonly number[];
  readonly f: readonly number[];
  readonly o: readonly number[];
  readonly c: readonly number[];
  readonly h: readonly number[];
}

export interface ForwardLesson {
  /** 0 or 1 at each time step. */
  readonly inputs: readonly number[];
  readonly units: readonly ForwardUnit[];
  /** The unit whose cell state moves most at a one, compared with a zero. */
  readonly counter: number;
}

const column = ({ rows, cols, data }: Grid, j: number): number[] =>
  Array.from({ length: rows }, (_, t) => data[t * cols + j]!);

/** The mean size of the moves of c at ones, divided by that at zeros. */
function selectivity(c: readonly number[], inputs: ArrayLike<number>): number {
  const [sums, counts] = [
    [0, 0],
    [0, 0],
  ];
  for (let t = 1; t < c.length; t++) {
    sums[inputs[t]!]! += Math.abs(c[t]! - c[t - 1]!);
    counts[inputs[t]!]!++;
  }
  return sums[1]! / counts[1]! / (sums[0]! / counts[0]!);
}

export async function forwardPass(): Promise<ForwardLesson> {
  const generate = countOnes(STEPS);
  const layers = [
    { kind: 'lstm', hiddenSize: UNITS },
    { kind: 'linear', size: 1 },
  ] as const;
  const model = await createModel({ seed: 1, inputSize: 1, layers }, { backend: 'reference', precision: 'float64' });
  try {
    const data = { train: generatedSource(generate, 16, UPDATES, 'forward pass') };
    for await (const _ of fit(model, data, { optimizer: adam({ learningRate: LEARNING_RATE }), clipNorm: 1 }));
    const batch = stepsToBatch(generate(1, sequenceRng(0)), 1);
    const { layers: traced } = await trace(model, batch);
    const { gates, c, h } = traced[0]!;
    const units = Array.from({ length: UNITS }, (_, j) => ({
      i: column(gates.i, j),
      f: column(gates.f, j),
      o: column(gates.o, j),
      c: column(c, j),
      h: column(h, j),
    }));
    const inputs = Array.from(batch.inputs);
    const scores = units.map((unit) => selectivity(unit.c, inputs));
    return { inputs, units, counter: scores.indexOf(Math.max(...scores)) };
  } finally {
    model.dispose();
  }
}
