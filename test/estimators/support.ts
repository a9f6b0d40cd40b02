/** Systems of many forms, small and of sizes that differ. */
import type { Model } from '../../src/core/model.js';
import { createRng } from '../../src/core/rng.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import { dot } from '../../src/estimators/vectors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import type { GatedUnits, StepData, System, SystemStep } from '../../src/lab/index.js';
import { modelSystem } from '../../src/lab/index.js';
import { buildModel } from '../support/model.js';

const lstm = (hiddenSize: number, rest: object = {}): LayerSpec => ({ kind: 'lstm', hiddenSize, ...rest }) as LayerSpec;
const head = (size: number): LayerSpec => ({ kind: 'linear', size });

/** By name: a spec, and whether its transition has closed forms, and units. */
export const SPECS: Readonly<Record<string, ModelSpec>> = {
  plain: { inputSize: 3, layers: [lstm(4, { bias: 'single' }), head(2)] },
  'two biases': { inputSize: 2, layers: [lstm(3), head(2)] },
  'no bias': { inputSize: 2, layers: [lstm(3, { bias: false }), head(1)] },
  'without a readout': { inputSize: 3, layers: [lstm(4)] },
  coupled: { inputSize: 3, layers: [lstm(4, { cell: { gates: 'coupled' } }), head(2)] },
  'other activations': {
    inputSize: 3,
    layers: [
      lstm(4, { cell: { activations: { gate: 'hardSigmoid', candidate: 'softsign', output: 'identity' } } }),
      head(2),
    ],
  },
  peepholes: { inputSize: 3, layers: [lstm(4, { cell: { peepholes: true }, init: { peephole: 'normal' } }), head(2)] },
  projection: { inputSize: 3, layers: [lstm(4, { projectionSize: 2 }), head(3)] },
  stacked: { inputSize: 3, layers: [lstm(4), lstm(3), head(2)] },
  'a layer between': { inputSize: 3, layers: [lstm(4), head(3), lstm(2), head(2)] },
  tokens: { layers: [{ kind: 'embedding', size: 5, width: 3 }, lstm(4), head(5)] },
  layerNorm: { inputSize: 3, layers: [lstm(4, { cell: { layerNorm: true } }), head(2)] },
  zoneout: { inputSize: 3, layers: [lstm(4, { zoneout: 0.2 }), head(2)] },
};

/** The forms that have a layer of units: one LSTM right over the input. */
export const WITH_UNITS = ['plain', 'two biases', 'no bias', 'without a readout', 'coupled', 'other activations'];

export interface Made {
  readonly model: Model;
  readonly system: System;
  readonly sequence: readonly StepData[];
}

/** In float64 on the reference backend. */
export function make(spec: ModelSpec, { batchSize = 1, steps = 6 }: { batchSize?: number; steps?: number } = {}): Made {
  const model = buildModel(createReference('float64'), spec);
  const random = createRng(7, 'data');
  const tokens = spec.layers[0]!.kind === 'embedding' ? spec.layers[0]!.size : 0;
  const normals = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
  const classes = (count: number): Int32Array => Int32Array.from({ length: count }, () => random.integer(tokens));
  const sequence = Array.from({ length: steps }, () => ({
    input: tokens ? classes(batchSize) : normals(batchSize * spec.inputSize!),
    target: tokens ? classes(batchSize) : normals(batchSize * model.outputSize),
  }));
  return { model, system: modelSystem(model, { batchSize: batchSize }), sequence };
}

/**
 * The steps of a sequence with constant theta as tables of J, F and q, which thousands of draws share. The numbers are those of
 * the system itself, of one sequence.
 */
export function tabulated(system: System, sequence: readonly StepData[]): System {
  const [S, P] = [system.stateSize, system.parameters.length];
  const zeros = (length: number): Float64Array => new Float64Array(length);
  const tables = new Map<StepData, SystemStep>();
  let state: ArrayLike<number> = system.initial();
  for (const data of sequence) {
    const step = system.step(state, data);
    const direct = zeros(P);
    const q = Float64Array.from(step.lossGradient(direct));
    const { outputGradient, units, loss } = step;
    const dy = outputGradient && Float64Array.from(outputGradient);
    const rows = Array.from({ length: S }, (_, r) => {
      const F = zeros(P);
      const unit = zeros(S);
      unit[r] = 1;
      return { J: Float64Array.from(step.vjp(unit, F)), F };
    });
    const table: SystemStep = {
      ...{ before: Float64Array.from(state), state: Float64Array.from(step.state), loss, outputGradient: dy },
      units: units && structuredUnits(units),
      lossGradient(gradient) {
        if (gradient) for (let p = 0; p < P; p++) gradient[p]! += direct[p]!;
        return q.slice();
      },
      vjp(v, gradient) {
        const out = zeros(S);
        for (const [r, { J, F }] of rows.entries()) {
          for (let i = 0; i < S; i++) out[i]! += v[r]! * J[i]!;
          if (gradient) for (let p = 0; p < P; p++) gradient[p]! += v[r]! * F[p]!;
        }
        return out;
      },
      jvp: (u, w) => Float64Array.from(rows, ({ J, F }) => dot(J, u) + (w ? dot(F, w) : 0)),
      release() {},
    };
    tables.set(data, table);
    state = table.state;
  }
  const { batchSize, stateSize, parts, parameters, blocks, hasOutputGradient } = system;
  return {
    ...{ batchSize, stateSize, parts, parameters, blocks, hasOutputGradient },
    initial: () => system.initial(),
    changed() {},
    dispose: () => system.dispose(),
    step(state, data) {
      const table = tables.get(data)!;
      for (let i = 0; i < S; i++) {
        if (table.before[i] !== state[i]) throw new Error('The table was made from another state.');
      }
      return table;
    },
  };
}

function structuredUnits(units: GatedUnits): GatedUnits {
  const { inputs, byGate, kept, recurrent } = units;
  return {
    ...units,
    ...structuredClone({ inputs, byGate, kept, recurrent }),
    index: (g, j, k) => units.index(g, j, k),
  };
}
