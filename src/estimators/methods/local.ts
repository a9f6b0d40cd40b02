/**
 * Local methods: of each weight's influence they keep only that on its own unit, an eligibility trace e with one number for each
 * state of the unit, (e_h, e_c) for an LSTM. For a weight of gate g, input k, of unit j,
 *
 *   e_r <- sum over the unit's states q of D[r][q] e_q + (ds_r/da_g) z_k,     g += q_t e
 *
 * The methods differ in D:
 *   SnAp-1 (Menick et al. 2020)   the unit's block of J: kept[r][q], and for q = h the unit's weight to itself
 *   e-prop (Bellec et al. 2020)   kept[r][q] alone, without the path from h to the gates
 *   RFLO (Murray 2019)            as e-prop, but the error reaches h through fixed random weights instead of the readout's
 */
import type { FloatArray } from '../../contract/kernels.js';
import type { Rng } from '../../core/rng.js';
import { invalidSetting } from '../../errors.js';
import { requireOneRow, requireUnits } from '../algebra/jacobian.js';
import { defineEstimator, type EstimatorCost, type EstimatorRun, type GradientEstimator } from '../estimator.js';
import type { GatedUnits, System, SystemStep } from '../system.js';
import { addScaled } from '../vectors.js';
import { maskedRtrl } from './rtrl.js';

interface Rule {
  readonly name: string;
  /** Whether h reaches the unit's own gates at the next step. */
  readonly selfRecurrent: boolean;
  /** Whether random weights replace the readout's weights in the backward pass. */
  readonly randomFeedback: boolean;
}

class LocalRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly rule: Rule;
  private readonly random: Rng;
  private readonly sum: Float64Array;
  /** For each state r of a unit, one number per weight, by gate, unit and input. */
  private traces: Float64Array[] = [];
  /** Index in theta of each weight. */
  private places = new Int32Array(0);
  private feedback: Float64Array | null = null;

  constructor(rule: Rule, system: System, random: Rng) {
    this.rule = rule;
    this.random = random;
    this.sum = new Float64Array(system.parameters.length);
  }

  step(step: SystemStep): void {
    const units = requireUnits(this.rule.name, step);
    const { size: n, gates, parts, inputs } = units;
    const d = inputs.length;
    if (this.traces.length === 0) this.begin(units);
    const q = step.lossGradient(this.sum);
    const errors = this.rule.randomFeedback ? this.errors(step, n, parts) : q;
    for (let j = 0; j < n; j++) {
      const D = this.own(units, j);
      for (let g = 0; g < gates; g++) this.unit(units, D, g, j, errors);
    }
    this.cost.macs += gates * n * d * (parts * parts + 2 * parts);
    step.release();
  }

  private begin({ size: n, gates, parts, inputs: { length: d }, index }: GatedUnits): void {
    if (parts > 2)
      throw invalidSetting('cell', `has ${parts} states per unit, but ${this.rule.name} supports only one or two.`);
    const weights = gates * n * d;
    this.traces = Array.from({ length: parts }, () => new Float64Array(weights));
    this.places = Int32Array.from({ length: weights }, (_, at) =>
      index(Math.floor(at / (n * d)), Math.floor(at / d) % n, at % d),
    );
    this.cost.floats = parts * weights;
  }

  /** D of unit j, row-major over its states. */
  private own({ size: n, gates, parts, byGate, kept, recurrent }: GatedUnits, j: number): number[] {
    return Array.from({ length: parts * parts }, (_, at) => {
      const [r, q] = [Math.floor(at / parts), at % parts];
      let sum = kept[r]![q]![j]!;
      if (q === 0 && this.rule.selfRecurrent) {
        for (let g = 0; g < gates; g++) sum += byGate[r]![g]![j]! * recurrent[(g * n + j) * n + j]!;
      }
      return sum;
    });
  }

  /** Updates the traces of gate g's weights into unit j and adds their gradient; for one or two states per unit. */
  private unit(units: GatedUnits, D: readonly number[], g: number, j: number, q: FloatArray): void {
    const { size: n, parts, inputs, byGate } = units;
    const [d, first] = [inputs.length, this.traces[0]!];
    const from = (g * n + j) * d;
    const { sum, places } = this;
    const [slope, learns] = [byGate[0]![g]![j]!, q[j]!];
    if (parts === 1) {
      for (let k = 0; k < d; k++) {
        const e = slope * inputs[k]! + D[0]! * first[from + k]!;
        first[from + k] = e;
        sum[places[from + k]!]! += learns * e;
      }
      return;
    }
    const second = this.traces[1]!;
    const [slope2, learns2] = [byGate[1]![g]![j]!, q[n + j]!];
    const [d00, d01, d10, d11] = D as [number, number, number, number];
    for (let k = 0; k < d; k++) {
      const [old, old2, z] = [first[from + k]!, second[from + k]!, inputs[k]!];
      const e = slope * z + d00 * old + d01 * old2;
      const e2 = slope2 * z + d10 * old + d11 * old2;
      first[from + k] = e;
      second[from + k] = e2;
      sum[places[from + k]!]! += learns * e + learns2 * e2;
    }
  }

  /** B' dl/dy at h, B drawn once. */
  private errors(step: SystemStep, n: number, parts: number): Float64Array {
    const dy = step.outputGradient;
    const out = new Float64Array(parts * n);
    if (!dy) return out; // no loss at this step
    this.feedback ??= Float64Array.from({ length: dy.length * n }, () => this.random.normal() / Math.sqrt(n));
    for (let o = 0; o < dy.length; o++) {
      for (let j = 0; j < n; j++) out[j]! += dy[o]! * this.feedback[o * n + j]!;
    }
    return out;
  }

  emit(gradient: FloatArray): void {
    addScaled(gradient, 1, this.sum);
    this.sum.fill(0);
  }

  reset(): void {
    for (const trace of this.traces) trace.fill(0);
    this.sum.fill(0);
  }
}

const local = (rule: Rule): GradientEstimator => ({
  name: rule.name,
  unbiased: false,
  stochastic: rule.randomFeedback,
  direction: 'forward',
  every: null,
  start(system, random) {
    requireOneRow(rule.name, system);
    if (rule.randomFeedback && !system.hasOutputGradient) {
      throw invalidSetting('system', `has no outputGradient, which ${rule.name} needs.`);
    }
    return new LocalRun(rule, system, random);
  },
});

/** SnAp-n (Menick et al. 2020): biased. n = 1 is a local rule, n > 1 a masked RTRL. */
export const snap = defineEstimator(
  'snap',
  { summary: 'biased: RTRL restricted to what a weight can reach within n steps', settings: ['n'], examples: ['n=1'] },
  ({ n }: { readonly n: number }): GradientEstimator => {
    if (n !== 1) return maskedRtrl(n);
    return local({ name: 'snap(n=1)', selfRecurrent: true, randomFeedback: false });
  },
);

/** Symmetric e-prop (Bellec et al. 2020), which sends errors back through the readout's weights: biased. */
export const eprop = defineEstimator(
  'eprop',
  { summary: 'biased: eligibility traces without the path through h', examples: [''] },
  (): GradientEstimator => local({ name: 'eprop', selfRecurrent: false, randomFeedback: false }),
);

/** RFLO (Murray 2019): biased. Needs a system with `outputGradient`. */
export const rflo = defineEstimator(
  'rflo',
  { summary: 'biased: e-prop with random feedback weights', examples: [''] },
  (): GradientEstimator => local({ name: 'rflo', selfRecurrent: false, randomFeedback: true }),
);
