/**
 * The losses of one element y with target t (docs/derivation.md, L2-L7). For each name of VALUE_LOSSES there is a function
 * NAMELoss and a function NAMESlope, its derivative by y times `scale`. contract.ts, which is generated, calls them by name.
 *
 * `p` is the parameter: delta of a huber, the quantile of a quantile, the logarithm of the variance of a gaussian.
 */
import { exp1, log1p, sigmoid } from './math';

// @ts-ignore: decorator
@inline
function error(y: f32, t: f32): f64 {
  return <f64>y - <f64>t;
}

/** (L2) */
export function meanSquaredErrorLoss(y: f32, t: f32, p: f32): f64 {
  const e = error(y, t);
  return e * e;
}

export function meanSquaredErrorSlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  return scale * (2 * (y - t));
}

/** (L4) */
export function meanAbsoluteErrorLoss(y: f32, t: f32, p: f32): f64 {
  return Math.abs(error(y, t));
}

export function meanAbsoluteErrorSlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  return scale * <f32>(i32(y - t > 0) - i32(y - t < 0));
}

/** (L5) */
export function huberLoss(y: f32, t: f32, p: f32): f64 {
  const e = error(y, t);
  const size = Math.abs(e);
  return size <= <f64>p ? (e * e) / 2 : <f64>p * (size - <f64>p / 2);
}

export function huberSlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  return scale * f32.min(p, f32.max(-p, y - t));
}

/** (L6) */
export function quantileLoss(y: f32, t: f32, p: f32): f64 {
  const e = error(y, t);
  return e < 0 ? -<f64>p * e : (1 - <f64>p) * e;
}

export function quantileSlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  const e = y - t;
  return scale * (e < 0 ? -p : e > 0 ? 1 - p : 0);
}

/** (L3) */
export function binaryCrossEntropyLoss(y: f32, t: f32, p: f32): f64 {
  return <f64>f32.max(y, 0) - <f64>y * <f64>t + log1p(<f64>exp1(-f32.abs(y)));
}

/** sigmoid(y) - t, or (1 - t) - sigmoid(-y), which keeps its digits if both terms of the first are near 1. */
export function binaryCrossEntropySlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  const s = f32x4.extract_lane(sigmoid(f32x4.splat(-f32.abs(y))), 0);
  return scale * (y > 0 ? 1 - t - s : s - t);
}

/** (L7) y is the mean and p the logarithm of the variance. */
export function gaussianLoss(y: f32, t: f32, p: f32): f64 {
  const e = error(y, t);
  return (<f64>p + e * e * <f64>exp1(-p)) / 2;
}

export function gaussianSlope(y: f32, t: f32, p: f32, scale: f32): f32 {
  return scale * (y - t) * exp1(-p);
}

/** The derivative by p, (1 - e^2 e^-p) / 2 with e = y - t, from that by y. */
// @ts-ignore: decorator
@inline
export function gaussianVarianceSlope(slope: f32, y: f32, t: f32, scale: f32): f32 {
  return (scale - slope * (y - t)) / 2;
}
