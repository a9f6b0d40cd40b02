/** What the two halves of a cell of any form should give: slopes by the pre-activation, not by the value. */
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

/** One unit: pre-activations and c- in, everything out; then back from dh and what comes back to c and the gates. */
export interface Unit {
  readonly a: readonly [number, number, number, number];
  readonly cBefore: number;
  /** Peepholes of i, f, o; 0 for none. */
  readonly p: readonly [number, number, number];
  readonly mask: number;
}

export function unit(form: CellVariant, { a: [ai, af, ag, ao], cBefore, p: [pi, pf, po], mask }: Unit) {
  const [zi, zf] = [ai + pi * cBefore, af + pf * cBefore];
  const i = form.gates === 'noInput' ? 1 : value(form.gate, zi);
  const f = form.gates === 'noForget' ? 1 : form.gates === 'coupled' ? 1 - i : value(form.gate, zf);
  const g = value(form.candidate, ag);
  const whole = f * cBefore + i * g * mask;
  const c = Math.sign(whole) * Math.min(Math.abs(whole), form.clip);
  const zo = ao + po * c;
  const o = form.gates === 'noOutput' ? 1 : value(form.gate, zo);
  return { zi, zf, i, f, g, c, isCut: Math.abs(whole) >= form.clip, zo, o };
}

/** `ext`: what comes back to i, f, g, o from elsewhere. */
export function stateGrad(form: CellVariant, u: Unit, dc: number, ext: Numbers) {
  const y = unit(form, u);
  const through = y.isCut ? 0 : dc;
  const df = through * u.cBefore + ext[1]!;
  const di = through * y.g * u.mask + ext[0]!;
  const hasF = form.gates !== 'noForget' && form.gates !== 'coupled';
  const dzi = form.gates === 'noInput' ? 0 : (di - (form.gates === 'coupled' ? df : 0)) * slope(form.gate, y.zi);
  const dzf = hasF ? df * slope(form.gate, y.zf) : 0;
  const dag = (through * y.i * u.mask + ext[2]!) * slope(form.candidate, u.a[2]);
  const dcBefore = through * y.f + u.p[0] * dzi + u.p[1] * dzf;
  return { dai: dzi, daf: dzf, dag, dcBefore, dpi: dzi * u.cBefore, dpf: dzf * u.cBefore };
}

/** `s`: what the output activation reads. */
export function outputGrad(form: CellVariant, u: Unit, s: number, dh: number, ext: number) {
  const y = unit(form, u);
  const dzo = form.gates === 'noOutput' ? 0 : (dh * value(form.output, s) + ext) * slope(form.gate, y.zo);
  return { dao: dzo, ds: dh * y.o * slope(form.output, s), dc: u.p[2] * dzo, dpo: dzo * y.c };
}
