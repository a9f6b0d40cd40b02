/** J and F as matrices, for methods that carry derivatives of the state by theta forward. */
import { invalidSetting } from '../../errors.js';
import type { GatedUnits, System, SystemStep } from '../system.js';

/** Throws `INVALID_SETTING` for more than one sequence: the method carries derivatives of each sequence. */
export function requireOneRow(name: string, { batchSize }: System): void {
  if (batchSize === 1) return;
  throw invalidSetting(
    'batchSize',
    `must be 1, got ${batchSize}: ${name} carries its own derivatives for each sequence.`,
  );
}

/** The closed-form derivatives of a step. Throws `INVALID_SETTING` if it has none. */
export function requireUnits(name: string, step: SystemStep): GatedUnits {
  if (step.units) return step.units;
  throw invalidSetting(
    'model',
    `has no closed-form derivatives per unit, which ${name} needs.`,
    'Use one LSTM layer directly on the input, without peepholes, projection, layerNorm or zoneout; or rtrl(), which needs none.',
  );
}

/** J, (S, S) row-major. */
export function stateJacobian(step: SystemStep, S: number): Float64Array {
  const { units } = step;
  return units ? jacobianOfUnits(units) : products(step, S, null);
}

function jacobianOfUnits({ size: n, gates, parts, byGate, kept, recurrent }: GatedUnits): Float64Array {
  const S = parts * n;
  const J = new Float64Array(S * S);
  for (let r = 0; r < parts; r++) {
    for (let j = 0; j < n; j++) {
      const row = (r * n + j) * S;
      for (let g = 0; g < gates; g++) {
        const slope = byGate[r]![g]![j]!;
        if (slope === 0) continue;
        const weights = (g * n + j) * n;
        for (let i = 0; i < n; i++) J[row + i]! += slope * recurrent[weights + i]!;
      }
      for (let q = 0; q < parts; q++) J[row + q * n + j]! += kept[r]![q]![j]!;
    }
  }
  return J;
}

/** M += F, M (S, P) row-major. */
export function addImmediate(M: Float64Array, step: SystemStep, S: number): void {
  const { units } = step;
  if (!units) {
    products(step, S, M);
    return;
  }
  const P = M.length / S;
  const { size: n, gates, parts, inputs, byGate, index } = units;
  for (let g = 0; g < gates; g++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < inputs.length; k++) {
        const p = index(g, j, k);
        for (let r = 0; r < parts; r++) M[(r * n + j) * P + p]! += byGate[r]![g]![j]! * inputs[k]!;
      }
    }
  }
}

/** J row by row, from unit cotangents; adds F to M unless it is null. */
function products(step: SystemStep, S: number, M: Float64Array | null): Float64Array {
  const J = new Float64Array(S * S);
  const unit = new Float64Array(S);
  for (let r = 0; r < S; r++) {
    unit.fill(0);
    unit[r] = 1;
    const P = M ? M.length / S : 0;
    J.set(step.vjp(unit, M?.subarray(r * P, (r + 1) * P) ?? null), r * S);
  }
  return J;
}
