/**
 * The largest errors of the functions that a backend computes, in units in the last place (ulp) of float32, over a sample of all
 * float32 numbers. One ulp is the distance of neighboring float32 numbers at the exact value, at least 2^-149.
 */
import type {
  Activation,
  ActivationKind,
  CellVariant,
  FloatArray,
  Kernels,
  Matrix,
} from '../../src/contract/kernels.js';

/** A function as a backend computes it, and its exact value. */
interface Probe {
  readonly name: string;
  exact(x: number): number;
  /** Its values at a row of numbers, all finite, in [low, high] if the probe has limits. */
  run(k: Kernels, x: Float32Array): Promise<FloatArray>;
  readonly limits?: readonly [low: number, high: number];
  /** Inputs around which the sample is dense. */
  readonly corners?: readonly number[];
}

export interface ProbeError {
  readonly name: string;
  /** The largest error, infinite if a value is NaN or has the wrong sign. */
  readonly ulp: number;
  /** The input with this error, and its value. */
  readonly at: number;
  readonly found: number;
  readonly exact: number;
}

const { abs, exp, expm1, fround, imul, log1p, max, tanh } = Math; // looking up a global takes about a microsecond in Jest

const logistic = (x: number): number => {
  const e = exp(-abs(x));
  return (x < 0 ? e : 1) / (1 + e);
};

const EXACT: Readonly<Record<ActivationKind, (x: number, alpha: number, beta: number) => number>> = {
  sigmoid: logistic,
  tanh: tanh,
  identity: (x) => x,
  relu: (x) => (x > 0 ? x : 0),
  affine: (x, a, b) => a * x + b,
  leakyRelu: (x, a) => (x > 0 ? x : a * x),
  thresholdedRelu: (x, a) => (x > a ? x : 0),
  scaledTanh: (x, a, b) => a * tanh(b * x),
  hardSigmoid: (x, a, b) => max(0, Math.min(1, a * x + b)),
  elu: (x, a) => (x > 0 ? x : a * expm1(x)),
  softsign: (x) => (abs(x) === Number.POSITIVE_INFINITY ? Math.sign(x) : x / (1 + abs(x))),
  softplus: (x) => max(x, 0) + log1p(exp(-abs(x))),
};

/** Every activation, some with several parameters, none of which is a float32 number. */
const ACTIVATIONS: readonly Activation[] = [
  ...(['sigmoid', 'tanh', 'identity', 'relu', 'softsign', 'softplus'] as const).map((kind) => ({
    kind,
    alpha: 0,
    beta: 0,
  })),
  { kind: 'affine', alpha: 0.7, beta: -0.3 },
  { kind: 'affine', alpha: -1e-30, beta: 0.3 },
  { kind: 'leakyRelu', alpha: 0.01, beta: 0 },
  { kind: 'thresholdedRelu', alpha: 0.1, beta: 0 },
  { kind: 'thresholdedRelu', alpha: 0.7, beta: 0 },
  { kind: 'scaledTanh', alpha: 1.7159, beta: 2 / 3 },
  { kind: 'hardSigmoid', alpha: 0.2, beta: 0.5 },
  { kind: 'hardSigmoid', alpha: 1 / 6, beta: 0.45 },
  { kind: 'elu', alpha: 1, beta: 0 },
  { kind: 'elu', alpha: 1.6733, beta: 0 },
];

/** Matrices that are freed after `run`. */
async function scoped<T>(
  k: Kernels,
  run: (place: (rows: number, cols: number, values?: ArrayLike<number>) => Matrix) => Promise<T>,
) {
  const held: Matrix[] = [];
  try {
    return await run((rows, cols, values) => {
      const m = k.alloc(rows, cols);
      held.push(m);
      if (values) k.upload(m, values);
      return m;
    });
  } finally {
    for (const m of held) k.free(m);
  }
}

/** Rows of a matrix that holds a sample. */
const ROWS = 16;

/** Block `gate` of rows of four gates. */
function gateOf(gates: FloatArray, gate: number): FloatArray {
  const H = gates.length / ROWS / 4;
  return Float64Array.from({ length: ROWS * H }, (_, e) => gates[Math.floor(e / H) * 4 * H + gate * H + (e % H)]!);
}

/** Rows of four gates, from functions of the element. */
const gatesOf = (count: number, gates: readonly ((e: number) => number)[]): Float32Array => {
  const H = count / ROWS;
  return Float32Array.from({ length: 4 * count }, (_, at) =>
    gates[Math.floor((at % (4 * H)) / H)]!(Math.floor(at / 4 / H) * H + (at % H)),
  );
};

const NONE: Activation = { kind: 'identity', alpha: 0, beta: 0 };

/** An activation of the candidate. */
function activationProbe(candidate: Activation): Probe {
  const { kind, alpha, beta } = candidate;
  const variant: CellVariant = {
    gates: 'noInput',
    gate: NONE,
    candidate,
    output: NONE,
    clip: Number.POSITIVE_INFINITY,
  };
  const numbers = {
    affine: [alpha, beta],
    hardSigmoid: [alpha, beta],
    scaledTanh: [alpha, beta],
    elu: [alpha],
    leakyRelu: [alpha],
    thresholdedRelu: [alpha],
  };
  const shown = (numbers as Partial<Record<ActivationKind, number[]>>)[kind]
    ?.map((v) => Number(v.toPrecision(4)))
    .join(', ');
  return {
    name: shown ? `${kind}(${shown})` : kind,
    exact: (x) => EXACT[kind](x, alpha, beta),
    corners: [alpha, -beta / alpha, (1 - beta) / alpha].filter(Number.isFinite),
    run: (k, x) =>
      scoped(k, (place) => {
        const H = x.length / ROWS;
        const gates = place(ROWS, 4 * H, gatesOf(x.length, [() => 0, () => 0, (e) => x[e]!, () => 0]));
        k.cellState({ gates, c: place(ROWS, H) }, place(ROWS, H), { variant, peepholes: null, mask: null });
        return k.download(gates).then((found) => gateOf(found, 2));
      }),
  };
}

/** The standard cell: its gates, and h = tanh c with o = 1, f = 1 and i = 0. */
const CELL: readonly Probe[] = [
  ...[0, 1, 2, 3].map(
    (gate): Probe => ({
      name: `LSTM cell ${'ifgo'[gate]}`,
      exact: gate === 2 ? tanh : logistic,
      run: (k, x) =>
        scoped(k, (place) => {
          const H = x.length / ROWS;
          const gates = place(
            ROWS,
            4 * H,
            gatesOf(
              x.length,
              [0, 1, 2, 3].map((g) => (g === gate ? (e) => x[e]! : () => 0)),
            ),
          );
          k.lstmCell({ gates, c: place(ROWS, H), h: place(ROWS, H) }, place(ROWS, H));
          return k.download(gates).then((found) => gateOf(found, gate));
        }),
    }),
  ),
  {
    name: 'LSTM cell tanh c',
    exact: tanh,
    run: (k, x) =>
      scoped(k, (place) => {
        const H = x.length / ROWS;
        const gates = place(
          ROWS,
          4 * H,
          gatesOf(
            x.length,
            [-200, 200, 0, 200].map((v) => () => v),
          ),
        );
        const h = place(ROWS, H);
        k.lstmCell({ gates, c: place(ROWS, H), h }, place(ROWS, H, x));
        return k.download(h);
      }),
  },
];

/** The functions in the losses. The number of rows is a power of two, so that their mean changes no digit. */
const LOSSES: readonly Probe[] = [
  {
    name: 'softmax of (0, x)',
    exact: logistic,
    limits: [-3e38, 3e38],
    run: (k, x) =>
      scoped(k, (place) => {
        const logits = place(
          x.length,
          2,
          Float32Array.from({ length: 2 * x.length }, (_, at) => (at % 2 ? x[at >> 1]! : 0)),
        );
        const p = place(x.length, 2);
        k.softmaxCrossEntropy(place(1, 1), p, logits, { classes: new Int32Array(x.length), rowWeights: null });
        return k.download(p).then((found) => found.filter((_, at) => at % 2 === 1) as FloatArray);
      }),
  },
  {
    name: "binaryCrossEntropy' at 1",
    exact: (x) => -logistic(-x),
    run: (k, x) =>
      scoped(k, (place) => {
        const dy = place(x.length, 1);
        const targets = { values: place(x.length, 1, new Float32Array(x.length).fill(1)), rowWeights: null };
        k.valueLossGrad(dy, place(x.length, 1, x), targets, { kind: 'binaryCrossEntropy' });
        return k.download(dy).then((found) => found.map((v) => v * x.length) as FloatArray);
      }),
    limits: [-73, 73],
  },
  {
    name: "gaussian' by its mean",
    exact: (x) => exp(-x),
    limits: [-88, 73],
    run: (k, x) =>
      scoped(k, (place) => {
        const y = place(
          x.length,
          2,
          Float32Array.from({ length: 2 * x.length }, (_, at) => (at % 2 ? x[at >> 1]! : 1)),
        );
        const dy = place(x.length, 2);
        k.valueLossGrad(dy, y, { values: place(x.length, 1), rowWeights: null }, { kind: 'gaussian' });
        return k.download(dy).then((found) => Float64Array.from(x, (_, i) => found[2 * i]! * x.length));
      }),
  },
];

const PROBES: readonly Probe[] = [...CELL, ...ACTIVATIONS.map(activationProbe), ...LOSSES];

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);
const fromBits = (bits: number): number => {
  words[0] = bits;
  return floats[0]!;
};
const toBits = (x: number): number => {
  floats[0] = x;
  return words[0]!;
};

/** The distance of float32 numbers at a value. */
function ulpAt(value: number): number {
  const exponent = (toBits(value) >>> 23) & 255;
  return 2 ** (max(exponent, 1) - 150);
}

/** Both ends, zeros, and numbers near which implementations change: limits of overflow, of rounding, and of pieces. */
const CORNERS = [
  0,
  1,
  2 ** -126,
  2 ** -12,
  0.625,
  9,
  10,
  15,
  16,
  16.64,
  32,
  44,
  53,
  64,
  87.34,
  88.73,
  89,
  103.98,
  104,
  105,
  106,
];

/** A number of float32 values around each of some numbers, with both signs. */
function around(numbers: readonly number[]): number[] {
  const found: number[] = [];
  for (const number of numbers) {
    for (let step = -4; step <= 4; step++) {
      const bits = toBits(abs(number)) + step;
      if (bits >= 0) found.push(fromBits(bits), -fromBits(bits));
    }
  }
  return found;
}

/**
 * `count` float32 numbers: every exponent with both signs and several fractions, the neighbors of corners, and the range in which
 * exponentials are neither 0 nor infinite.
 */
function sample(count: number): number[] {
  const found = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, ...around(CORNERS)];
  let state = 12345;
  const random = (): number => (state = (imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let exponent = 0; exponent < 255; exponent++) {
    for (const fixed of [0, 1, 0x7fffff, 0x3504f3, -1, -1, -1, -1]) {
      const x = fromBits((exponent << 23) | (fixed < 0 ? random() * 2 ** 23 : fixed));
      found.push(x, -x);
    }
  }
  for (let n = -150; n <= 150; n++) found.push((n + 0.5) * Math.LN2, ((n + 0.5) * Math.LN2) / 2, n * Math.LN2);
  for (let i = 0; found.length < count; i++) found.push(i % 3 ? 220 * random() - 110 : 4 * random() - 2);
  return found.slice(0, count);
}

export interface AccuracyOptions {
  /** Numbers in the sample, a multiple of 16. Default 8192. */
  readonly count?: number;
  /** Results below this size may be any number below this size, such as 0: shaders need not have denormal numbers. Default 0. */
  readonly smallest?: number;
  /** Names of functions to compute at every float32 number instead. The others are left out. */
  readonly all?: readonly string[];
}

/** `smallest` of a device that replaces denormal numbers by 0. */
export const WITHOUT_DENORMALS = 2 ** -124;

/** The largest error of each function. */
export async function accuracy(
  k: Kernels,
  { count = 2 ** 13, smallest = 0, all }: AccuracyOptions = {},
): Promise<ProbeError[]> {
  const errors: ProbeError[] = [];
  const common = sample(count);
  for (const probe of PROBES) {
    if (all && !all.includes(probe.name)) continue;
    let worst: Omit<ProbeError, 'name'> | undefined;
    for (const x of all ? everything() : [sampleOf(probe, common)]) {
      const error = largestError(x, await probe.run(k, x), probe.exact, smallest);
      if (!worst || error.ulp > worst.ulp) worst = error;
    }
    errors.push({ name: probe.name, ...worst! });
  }
  return errors;
}

/** The common sample, with numbers around the corners of a function, within its limits. */
function sampleOf({ corners = [], limits }: Probe, common: readonly number[]): Float32Array {
  const [low, high] = limits ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const x = Float32Array.from(common);
  const own = around(corners);
  x.set(own, x.length - own.length);
  return x.map((v) => (v < low ? low : v > high ? high : v));
}

/** All float32 numbers and infinities, in pieces. */
function* everything(): Generator<Float32Array> {
  const size = 2 ** 20;
  for (let from = 0; from < 2 ** 32; from += size) {
    if ((from & 0x7f800000) === 0x7f800000) continue; // infinity and NaN
    yield new Float32Array(Uint32Array.from({ length: size }, (_, i) => from + i).buffer);
  }
  yield Float32Array.from({ length: ROWS }, (_, i) => (i % 2 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY));
}

function largestError(
  x: Float32Array,
  found: FloatArray,
  exactly: Probe['exact'],
  smallest: number,
): Omit<ProbeError, 'name'> {
  let worst = { ulp: -1, at: 0, found: 0, exact: 0 };
  for (let i = 0; i < x.length; i++) {
    const [at, value, exact] = [x[i]!, found[i]!, exactly(x[i]!)];
    if (abs(exact) < smallest && abs(value) < smallest) continue;
    const overflows = !Number.isFinite(fround(exact));
    const error = overflows
      ? value === fround(exact)
        ? 0
        : Number.POSITIVE_INFINITY
      : abs(value - exact) / ulpAt(exact);
    if (error > worst.ulp || Number.isNaN(error))
      worst = { ulp: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error, at, found: value, exact };
  }
  return worst;
}
