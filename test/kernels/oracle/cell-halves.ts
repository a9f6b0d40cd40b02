/** The expected results of the two halves of every cell variant. Slopes are functions of the pre-activation, not of the value. */
import type { Activation, ActivationKind, CellVariant } from '../../../src/contract/kernels.js';
import { logistic } from './cell.js';
import type { Numbers } from './products.js';

interface Curve {
  f(x: number, alpha: number, beta: number): number;
  slope(x: number, alpha: number, beta: number): number;
}

const step = (on: boolean): number => (on ? 1 : 0);
const sech2 = (x: number): number => 1 / Math.cosh(x) ** 2;

const CURVES: Readonly<Record<ActivationKind, Curve>> = {
  sigmoid: { f: logistic, slope: (x) => logistic(x) * logistic(-x) },
  tanh: { f: Math.tanh, slope: sech2 },
  identity: { f: (x) => x, slope: () => 1 },
  relu: { f: (x) => (x > 0 ? x : 0), slope: (x) => step(x > 0) },
  affine: { f: (x, a, b) => a * x + b, slope: (_, a) => a },
  leakyRelu: { f: (x, a) => (x > 0 ? x : a * x), slope: (x, a) => (x > 0 ? 1 : a) },
  thresholdedRelu: { f: (x, a) => (x > a ? x : 0), slope: (x, a) => step(x > a) },
  scaledTanh: { f: (x, a, b) => a * Math.tanh(b * x), slope: (x, a, b) => a * b * sech2(b * x) },
  hardSigmoid: {
    f: (x, a, b) => Math.max(0, Math.min(1, a * x + b)),
    slope: (x, a, b) => (a * x + b > 0 && a * x + b < 1 ? a : 0),
  },
  elu: { f: (x, a) => (x > 0 ? x : a * (Math.exp(x) - 1)), slope: (x, a) => (x > 0 ? 1 : a * Math.exp(x)) },
  softsign: { f: (x) => x / (1 + Math.abs(x)), slope: (x) => 1 / (1 + Math.abs(x)) ** 2 },
  softplus: { f: (x) => (x > 30 ? x : Math.log(1 + Math.exp(x))), slope: logistic },
};

export const value = ({ kind, alpha, beta }: Activation, x: number): number => CURVES[kind].f(x, alpha, beta);
const slope = ({ kind, alpha, beta }: Activation, x: number): number => CURVES[kind].slope(x, alpha, beta);

/** The forward pass of one unit, from its pre-activations and c-. */
export interface Unit {
  readonly a: readonly [number, number, number, number];
  readonly cBefore: number;
  /** Peepholes of i, f, o; 0 for none. */
  readonly p: readonly [number, number, number];
  readonly mask: number;
}

export function unit(variant: CellVariant, { a: [ai, af, ag, ao], cBefore, p: [pi, pf, po], mask }: Unit) {
  const [zi, zf] = [ai + pi * cBefore, af + pf * cBefore];
  const i = variant.gates === 'noInput' ? 1 : value(variant.gate, zi);
  const f = variant.gates === 'noForget' ? 1 : variant.gates === 'coupled' ? 1 - i : value(variant.gate, zf);
  const g = value(variant.candidate, ag);
  const whole = f * cBefore + i * g * mask;
  const c = Math.sign(whole) * Math.min(Math.abs(whole), variant.clip);
  const zo = ao + po * c;
  const o = variant.gates === 'noOutput' ? 1 : value(variant.gate, zo);
  return { zi, zf, i, f, g, c, isCut: Math.abs(whole) >= variant.clip, zo, o };
}

/** `ext`: the gradients of i, f, g, o from the next step. */
export function stateGrad(variant: CellVariant, u: Unit, dc: number, ext: Numbers) {
  const y = unit(variant, u);
  const through = y.isCut ? 0 : dc;
  const df = through * u.cBefore + ext[1]!;
  const di = through * y.g * u.mask + ext[0]!;
  const hasF = variant.gates !== 'noForget' && variant.gates !== 'coupled';
  const dzi =
    variant.gates === 'noInput' ? 0 : (di - (variant.gates === 'coupled' ? df : 0)) * slope(variant.gate, y.zi);
  const dzf = hasF ? df * slope(variant.gate, y.zf) : 0;
  const dag = (through * y.i * u.mask + ext[2]!) * slope(variant.candidate, u.a[2]);
  const dcBefore = through * y.f + u.p[0] * dzi + u.p[1] * dzf;
  return { dai: dzi, daf: dzf, dag, dcBefore, dpi: dzi * u.cBefore, dpf: dzf * u.cBefore };
}

/** `s`: the input of the output activation. */
export function outputGrad(variant: CellVariant, u: Unit, s: number, dh: number, ext: number) {
  const y = unit(variant, u);
  const dzo = variant.gates === 'noOutput' ? 0 : (dh * value(variant.output, s) + ext) * slope(variant.gate, y.zo);
  return { dao: dzo, ds: dh * y.o * slope(variant.output, s), dc: u.p[2] * dzo, dpo: dzo * y.c };
}
