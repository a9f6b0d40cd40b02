/** The two halves of every cell variant: gate sets, activations, peepholes, masks and clips, in all pairs. */
import {
  ACTIVATIONS,
  type Activation,
  type CellVariant,
  GATE_SETS,
  type Peepholes,
} from '../../../src/contract/kernels.js';
import type { Bench, Operand } from '../bench.js';
import * as oracle from '../oracle/index.js';
import { type Case, fail, sequence } from './shared.js';

/** [N, H]. No single unit: a float32 gate near its bound, or a sum near 0, would determine the whole norm. */
const SIZES: readonly (readonly [number, number])[] = [
  [2, 3],
  [3, 4],
  [1, 5],
  [5, 7],
  [2, 8],
  [6, 1],
  [3, 77],
];

export interface Setting {
  readonly name: string;
  readonly N: number;
  readonly H: number;
  readonly variant: CellVariant;
  readonly peepholes: boolean;
  readonly masked: boolean;
  /** Whether the output activation reads another matrix than c. */
  readonly apart: boolean;
}

const activation = (kind: Activation['kind']): Activation => ({
  kind,
  alpha: 0.3,
  beta: kind === 'scaledTanh' ? 1.5 : 0.45,
});

const KINDS = ACTIVATIONS.length;

/**
 * All pairs of activations of gate and candidate. The other settings vary so that every pair of values of two settings
 * occurs, which settings.test.ts checks.
 */
export const SETTINGS: readonly Setting[] = sequence(KINDS * KINDS).map((n) => {
  const [a, b] = [n % KINDS, Math.floor(n / KINDS)];
  const pick = <T>(list: readonly T[], at: number): T => list[at % list.length]!;
  const alternate = (period: number): boolean => Math.floor(n / period) % 2 === 0;
  const [N, H] = pick(SIZES, a + 2 * b);
  const [peepholes, masked, apart, cut] = [alternate(4), alternate(5), alternate(7), alternate(8)];
  const variant: CellVariant = {
    gates: pick(GATE_SETS, a + 3 * b),
    gate: activation(pick(ACTIVATIONS, a)),
    candidate: activation(pick(ACTIVATIONS, b)),
    output: activation(pick(ACTIVATIONS, a + b)),
    clip: cut ? 0.5 : Number.POSITIVE_INFINITY,
  };
  const kinds = [variant.gate, variant.candidate, variant.output].map(({ kind }) => kind).join(' ');
  const extras = [peepholes && 'peepholes', masked && 'mask', cut && 'clip', apart && 'apart'].filter(Boolean);
  return {
    name: `${N}x${H} ${variant.gates} ${kinds} ${extras.join(' ')} #${n}`,
    N,
    H,
    variant,
    peepholes,
    masked,
    apart,
  };
});

/** The numbers of a case, and its units, row by row. */
function numbers(b: Bench, { N, H, peepholes, masked }: Setting) {
  const count = N * H;
  const [a, cBefore] = [b.normals(4 * count, 1.5), b.normals(count)];
  const p = sequence(3).map(() => (peepholes ? b.normals(H) : new Array<number>(H).fill(0)));
  const mask = sequence(count).map((s) => (masked ? [0, 1.25, 2][s % 3]! : 1));
  const units = sequence(count).map((s): oracle.Unit => {
    const [j, row] = [s % H, Math.floor(s / H)];
    const at = (gate: number): number => a[row * 4 * H + gate * H + j]!;
    return {
      a: [at(0), at(1), at(2), at(3)],
      cBefore: cBefore[s]!,
      p: [p[0]![j]!, p[1]![j]!, p[2]![j]!],
      mask: mask[s]!,
    };
  });
  return { count, a, cBefore, p, mask, units };
}

/** Arranges four numbers per unit as the columns i | f | g | o of (N, 4H). */
function columns<U>(H: number, units: readonly U[], four: (u: U, s: number) => readonly number[]): number[] {
  const out = new Array<number>(4 * units.length);
  units.forEach((u, s) => {
    const j = s % H;
    four(u, s).forEach((value, gate) => {
      out[4 * (s - j) + gate * H + j] = value;
    });
  });
  return out;
}

function placePeepholes(b: Bench, what: string, H: number, values: readonly number[][]) {
  const [i, f, o] = values.map((v, at) => b.place(`${what} ${at}`, 1, H, v)) as [Operand, Operand, Operand];
  const handles: Peepholes = { i: i.matrix, f: f.matrix, o: o.matrix };
  return { operands: [i, f, o] as const, handles };
}

/** `start` plus the sum of the terms of all rows, for each unit. */
const summed = <U>(H: number, start: readonly number[], units: readonly U[], term: (u: U) => number): number[] =>
  start.map((v, j) => units.reduce((sum, u, s) => (s % H === j ? sum + term(u) : sum), v));

const cellState = SETTINGS.map(
  (setting): Case => ({
    name: setting.name,
    run(b) {
      const { N, H, variant, peepholes, masked } = setting;
      const { a, cBefore, p, mask, units } = numbers(b, setting);
      const [gates, c] = [b.place('gates', N, 4 * H, a), b.output('c', N, H)];
      const peeps = placePeepholes(b, 'p', H, p);
      const m = b.place('mask', N, H, mask);
      const before = b.place('c-', N, H, cBefore);
      const y = { gates: gates.matrix, c: c.matrix };
      b.k.cellState(y, before.matrix, {
        variant,
        peepholes: peepholes ? peeps.handles : null,
        mask: masked ? m.matrix : null,
      });
      const expected = units.map((u) => oracle.unit(variant, u));
      b.expect(
        gates,
        columns(H, expected, ({ i, f, g }, s) => [i, f, g, units[s]!.a[3]]),
      );
      b.expect(
        c,
        expected.map((u) => u.c),
      );
    },
  }),
);

const cellOutput = SETTINGS.map(
  (setting): Case => ({
    name: setting.name,
    run(b) {
      const { N, H, variant, peepholes, apart } = setting;
      const { count, p, units } = numbers(b, setting);
      const ys = units.map((u) => oracle.unit(variant, u));
      const cValues = b.exact(ys.map((u) => u.c));
      const sValues = apart ? b.normals(count) : cValues;
      const held = b.exact(columns(H, ys, ({ i, f, g }, s) => [i, f, g, units[s]!.a[3]]));
      const gates = b.place('gates', N, 4 * H, held);
      const [c, h] = [b.place('c', N, H, cValues), b.output('h', N, H)];
      const s = apart ? b.place('s', N, H, sValues) : c;
      const peeps = placePeepholes(b, 'p', H, p);
      const y = { gates: gates.matrix, c: c.matrix, h: h.matrix };
      b.k.cellOutput(y, s.matrix, { variant, peepholes: peepholes ? peeps.handles : null, mask: null });
      b.expect(
        gates,
        columns(H, ys, ({ i, f, g, o }) => [i, f, g, o]),
      );
      b.expect(
        h,
        ys.map(({ o }, at) => o * oracle.value(variant.output, sValues[at]!)),
      );
    },
  }),
);

/** Places the results of a forward pass. */
function afterwards(b: Bench, setting: Setting) {
  const { N, H, variant } = setting;
  const n = numbers(b, setting);
  const ys = n.units.map((u) => oracle.unit(variant, u));
  const gates = b.place('gates', N, 4 * H, b.exact(columns(H, ys, ({ i, f, g, o }) => [i, f, g, o])));
  const cValues = b.exact(ys.map((u) => u.c));
  const c = b.place('c', N, H, cValues);
  const ext = b.normals(4 * n.count, 0.5);
  const extOf = (s: number): number[] => sequence(4).map((gate) => ext[4 * (s - (s % H)) + gate * H + (s % H)]!);
  const starts = sequence(3).map(() => b.normals(H));
  const dPeepholes = placePeepholes(b, 'dp', H, starts);
  const peeps = placePeepholes(b, 'p', H, n.p);
  return { ...n, gates, c, cValues, ext, extOf, starts, dPeepholes, peeps };
}

const cellStateGrad = SETTINGS.map(
  (setting): Case => ({
    name: setting.name,
    run(b) {
      const { N, H, variant, peepholes, masked } = setting;
      const at = afterwards(b, setting);
      const dcValues = b.normals(at.count);
      const [da, dc, dcPrev] = [b.place('da', N, 4 * H, at.ext), b.place('dc', N, H, dcValues), b.output('dc-', N, H)];
      const [before, m] = [b.place('c-', N, H, at.cBefore), b.place('mask', N, H, at.mask)];
      const y = { gates: at.gates.matrix, c: at.c.matrix };
      const [p, dp] = peepholes ? [at.peeps.handles, at.dPeepholes.handles] : [null, null];
      const d = { gates: da.matrix, c: dc.matrix, cPrev: dcPrev.matrix, peepholes: dp };
      b.k.cellStateGrad(d, y, before.matrix, { variant, peepholes: p, mask: masked ? m.matrix : null });
      const expected = at.units.map((u, s) => oracle.stateGrad(variant, u, dcValues[s]!, at.extOf(s)));
      b.expect(
        da,
        columns(H, expected, ({ dai, daf, dag }, s) => [dai, daf, dag, at.extOf(s)[3]!]),
      );
      b.expect(
        dcPrev,
        expected.map((u) => u.dcBefore),
      );
      if (!peepholes) return;
      const [dpi, dpf] = at.dPeepholes.operands;
      b.expect(
        dpi,
        summed(H, at.starts[0]!, expected, (u) => u.dpi),
      );
      b.expect(
        dpf,
        summed(H, at.starts[1]!, expected, (u) => u.dpf),
      );
    },
  }),
);

const cellOutputGrad = SETTINGS.map(
  (setting): Case => ({
    name: setting.name,
    run(b) {
      const { N, H, variant, peepholes, apart } = setting;
      const at = afterwards(b, setting);
      const sValues = apart ? b.normals(at.count) : at.cValues;
      const [dhValues, dcValues, dsValues] = [b.normals(at.count), b.normals(at.count), b.normals(at.count)];
      const da = b.place('da', N, 4 * H, at.ext);
      const [dc, dh] = [b.place('dc', N, H, dcValues), b.place('dh', N, H, dhValues)];
      const [s, ds] = apart ? [b.place('s', N, H, sValues), b.place('ds', N, H, dsValues)] : [at.c, dc];
      const h = b.output('h', N, H);
      const y = { gates: at.gates.matrix, c: at.c.matrix, h: h.matrix };
      const [p, dp] = peepholes ? [at.peeps.handles, at.dPeepholes.handles] : [null, null];
      const d = { gates: da.matrix, c: dc.matrix, h: dh.matrix, s: ds.matrix, peepholes: dp };
      b.k.cellOutputGrad(d, y, s.matrix, { variant, peepholes: p, mask: null });
      const expected = at.units.map((u, n) =>
        oracle.outputGrad(variant, u, sValues[n]!, dhValues[n]!, at.extOf(n)[3]!),
      );
      b.expect(
        da,
        columns(H, expected, ({ dao }, n) => [...at.extOf(n).slice(0, 3), dao]),
      );
      const through = expected.map((u, n) => dcValues[n]! + (peepholes ? u.dc : 0));
      if (apart) {
        b.expect(
          ds,
          expected.map((u, n) => dsValues[n]! + u.ds),
        );
        if (peepholes) b.expect(dc, through);
      } else
        b.expect(
          dc,
          expected.map((u, n) => through[n]! + u.ds),
        );
      if (peepholes)
        b.expect(
          at.dPeepholes.operands[2],
          summed(H, at.starts[2]!, expected, (u) => u.dpo),
        );
    },
  }),
);

/** Pre-activations so large that exponentials overflow and only the limits of the activations remain. */
const extremes: Case = {
  name: 'pre-activations of +-1000 give the limits of the activations, without NaN',
  run(b) {
    for (const kind of ['sigmoid', 'tanh', 'hardSigmoid', 'softsign', 'softplus'] as const) {
      const [N, H] = [1, 5];
      const variant: CellVariant = {
        gates: 'all',
        gate: activation(kind),
        candidate: activation(kind),
        output: activation(kind),
        clip: Number.POSITIVE_INFINITY,
      };
      const a = sequence(4 * H).map((i) => (i % 2 ? 1000 : -1000));
      const cBefore = b.normals(H);
      const gates = b.place(`gates ${kind}`, N, 4 * H, a);
      const [c, h] = [b.output(`c ${kind}`, N, H), b.output(`h ${kind}`, N, H)];
      const y = { gates: gates.matrix, c: c.matrix, h: h.matrix };
      const cell = { variant, peepholes: null, mask: null };
      b.k.cellState(y, b.place('c-', N, H, cBefore).matrix, cell);
      b.k.cellOutput(y, c.matrix, cell);
      const expected = sequence(H).map((j) => {
        const at = (gate: number): number => a[gate * H + j]!;
        return oracle.unit(variant, { a: [at(0), at(1), at(2), at(3)], cBefore: cBefore[j]!, p: [0, 0, 0], mask: 1 });
      });
      const [cs, hs] = [expected.map((u) => u.c), expected.map((u) => u.o * oracle.value(variant.output, u.c))];
      if (![...cs, ...hs].every(Number.isFinite)) fail(`${kind}: the oracle says ${cs}, ${hs}`);
      b.expect(
        gates,
        columns(H, expected, ({ i, f, g, o }) => [i, f, g, o]),
      );
      b.expect(c, cs);
      b.expect(h, hs);
    }
  },
};

export const cellHalves = {
  cellState: [...cellState, extremes],
  cellStateGrad,
  cellOutput,
  cellOutputGrad,
} satisfies Record<string, readonly Case[]>;
