/**
 * Partial correlations of units with features, and their distribution if both were unrelated. Two series that change slowly, or that
 * both drift, often correlate by chance, so each correlation is compared with those after a circular shift of all features: a shift
 * keeps the autocorrelation of both series, and ends what relates them (Harris 2020, "A Shift Test for Independence in Generic Time
 * Series", arXiv:2012.06862).
 *
 * Controls. z_0, z_1, z_2 are an orthonormal basis of 1, t and t^2. The partial correlation of x and y, given the z, is the
 * correlation of their residuals (Frisch & Waugh 1933, Lovell 1963):
 *
 *   x' = x - sum_j <z_j, x> z_j       r = <x', y'> / (|x'| |y'|)
 *   <x', y'> = <x', y>                |y'|^2 = |y|^2 - sum_j <z_j, y>^2      because x' is orthogonal to each z_j
 *
 * So r at a shift needs only products with the shifted y: of x', and of each z_j.
 *
 * Shifts. The T steps are B blocks of D, and the features are shifted by 0, D, ..., (B-1) D. These shifts are a group, so if units and
 * features are unrelated, all are equally likely to have the largest correlation. With x[k, d] at step kD + d, the products at all
 * shifts are a circular correlation over k, a product of Fourier transforms:
 *
 *   sum_t x[t] y[t + mD]  =  1/B sum_q e^(2 pi i q m / B) sum_d conj(X[q, d]) Y[q, d]
 */

/** A series as plain numbers. */
type Series = Float64Array;

/** The Fourier transform of a series over its blocks: element (q, d) is [q * D + d]. */
interface Spectrum {
  readonly re: Series;
  readonly im: Series;
}

/** The transform of each column of [B, D] over the B rows, in place; B is a power of two (Cooley & Tukey 1965). */
function transform({ re, im }: Spectrum, B: number): void {
  const D = re.length / B;
  for (let row = 1, other = 0; row < B; row++) {
    let bit = B >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (row < other) for (const part of [re, im]) swapRows(part, row * D, other * D, D);
  }
  for (let half = 1; half < B; half *= 2) {
    for (let j = 0; j < half; j++) {
      const [cos, sin] = [Math.cos((Math.PI * j) / half), -Math.sin((Math.PI * j) / half)];
      for (let row = j; row < B; row += 2 * half) butterflies(re, im, row * D, (row + half) * D, D, cos, sin);
    }
  }
}

function swapRows(part: Series, a: number, b: number, D: number): void {
  for (let d = 0; d < D; d++) {
    const kept = part[a + d]!;
    part[a + d] = part[b + d]!;
    part[b + d] = kept;
  }
}

/** Rows a and b become a + w b and a - w b. */
function butterflies(re: Series, im: Series, a: number, b: number, D: number, cos: number, sin: number): void {
  for (let d = 0; d < D; d++) {
    const x = re[b + d]! * cos - im[b + d]! * sin;
    const y = re[b + d]! * sin + im[b + d]! * cos;
    re[b + d] = re[a + d]! - x;
    im[b + d] = im[a + d]! - y;
    re[a + d]! += x;
    im[a + d]! += y;
  }
}

function spectrumOf(series: Series, B: number): Spectrum {
  const spectrum = { re: series.slice(), im: new Float64Array(series.length) };
  transform(spectrum, B);
  return spectrum;
}

/** <x[t], y[t + mD]> for m = 0, ..., B - 1. */
function productsAtShifts(x: Spectrum, y: Spectrum, B: number): Series {
  const D = x.re.length / B;
  const sum = { re: new Float64Array(B), im: new Float64Array(B) };
  for (let q = 0; q <= B / 2; q++) {
    let [re, im] = [0, 0];
    for (let i = q * D; i < (q + 1) * D; i++) {
      re += x.re[i]! * y.re[i]! + x.im[i]! * y.im[i]!;
      im += x.im[i]! * y.re[i]! - x.re[i]! * y.im[i]!; // of the conjugate: the forward transform then inverts
    }
    sum.re[q] = re / B;
    sum.im[q] = im / B;
    if (q > 0 && q < B / 2) [sum.re[B - q], sum.im[B - q]] = [re / B, -im / B];
  }
  transform(sum, B);
  return sum.re;
}

const dot = (a: Series, b: Series): number => {
  let sum = 0;
  for (let t = 0; t < a.length; t++) sum += a[t]! * b[t]!;
  return sum;
};

/** Subtracts from `x` its part along each z. */
function residual(x: Series, basis: readonly Series[]): Series {
  for (const z of basis) {
    const along = dot(x, z);
    for (let t = 0; t < x.length; t++) x[t]! -= along * z[t]!;
  }
  return x;
}

/** An orthonormal basis of 1, t and t^2 over T steps. */
export function positionBasis(T: number): Series[] {
  const basis: Series[] = [];
  for (const power of [0, 1, 2]) {
    const z = residual(
      Float64Array.from({ length: T }, (_, t) => ((2 * t - T + 1) / T) ** power),
      basis,
    );
    const size = Math.sqrt(dot(z, z));
    basis.push(z.map((v) => v / size));
  }
  return basis;
}

/** Residual variance, as a share of the variance, below which a series counts as a function of its position. */
const CONSTANT = 1e-10;

/** The features, prepared to be correlated with units at B shifts. */
export class ShiftTest {
  /** T, a multiple of B. */
  readonly steps: number;
  /** B, the number of shifts, a power of two. */
  readonly shifts: number;
  /** Whether a feature varies beyond what its position explains. */
  readonly varies: readonly boolean[];
  private readonly basis: readonly Series[];
  private readonly spectra: readonly Spectrum[];
  /** |y'| of each feature at each shift. */
  private readonly norms: readonly Series[];

  constructor(features: readonly Series[], shifts: number) {
    this.steps = features[0]!.length;
    this.shifts = shifts;
    this.basis = positionBasis(this.steps);
    const [constant, ...others] = this.basis as [Series, ...Series[]];
    const centered = features.map((y) => residual(y.slice(), [constant]));
    const basisSpectra = others.map((z) => spectrumOf(z, shifts));
    this.spectra = centered.map((y) => spectrumOf(y, shifts));
    this.norms = this.spectra.map((spectrum, f) => {
      const squares = new Float64Array(shifts).fill(dot(centered[f]!, centered[f]!));
      for (const z of basisSpectra) {
        for (const [m, product] of productsAtShifts(z, spectrum, shifts).entries()) squares[m]! -= product ** 2;
      }
      return squares.map((v) => Math.sqrt(Math.max(0, v)));
    });
    this.varies = features.map((y, f) => this.norms[f]![0]! ** 2 > CONSTANT * dot(y, y));
  }

  /** The partial correlation of a unit with feature f at shift m is number [f * B + m]. Null for a unit that is constant. */
  correlations(unit: Series): Series | null {
    const size = dot(unit, unit);
    const x = residual(unit.slice(), this.basis);
    const norm = Math.sqrt(dot(x, x));
    if (!(norm ** 2 > CONSTANT * size)) return null;
    const spectrum = spectrumOf(x, this.shifts);
    const all = new Float64Array(this.spectra.length * this.shifts);
    for (const [f, y] of this.spectra.entries()) {
      if (!this.varies[f]) continue;
      const norms = this.norms[f]!;
      for (const [m, product] of productsAtShifts(spectrum, y, this.shifts).entries()) {
        all[f * this.shifts + m] = norms[m]! > 0 ? product / (norm * norms[m]!) : 0;
      }
    }
    return all;
  }
}

/** A statistic of one hypothesis at each shift; [0] is the observed one. */
export type AtShifts = Float32Array | Float64Array;

/**
 * The p-value of each hypothesis, corrected for their number: take all hypotheses whose statistic is at most this
 * one, and the largest of their statistics at each shift. The p-value is the share of shifts, 0 included, at which that is at least the
 * observed statistic. This is the step-down maximum of Westfall & Young 1993,
 * "Resampling-Based Multiple Testing", algorithm 2.8.
 */
export function stepDownPValues(statistics: readonly AtShifts[]): Float64Array {
  const shifts = statistics[0]?.length ?? 0;
  const order = statistics.map((_, i) => i).sort((a, b) => statistics[b]![0]! - statistics[a]![0]! || a - b);
  const largest = new Float64Array(shifts);
  const p = new Float64Array(statistics.length);
  for (const i of [...order].reverse()) {
    const one = statistics[i]!;
    let reached = 0;
    for (let m = 0; m < shifts; m++) {
      if (one[m]! > largest[m]!) largest[m] = one[m]!;
      if (largest[m]! >= one[0]!) reached++;
    }
    p[i] = reached / shifts;
  }
  let highest = 0;
  for (const i of order) {
    highest = Math.max(highest, p[i]!);
    p[i] = highest;
  }
  return p;
}
