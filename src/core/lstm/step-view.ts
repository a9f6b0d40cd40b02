/** One time step of an LSTM layer, to look into: every array is a live view of the tape's memory, shape [N, H]. */
import { UnspoolError } from '../../errors.js';
import type { FloatArray, Kernels, Matrix } from '../kernels.js';
import { hostArray, hostColumns, hostNumbers, type NdArray, ownArray } from '../views.js';
import { cellForm } from './spec.js';
import type { LstmTape } from './tape.js';

/** The four gates: input, forget, cell candidate, output. */
export interface Gates {
  readonly i: NdArray;
  readonly f: NdArray;
  readonly g: NdArray;
  readonly o: NdArray;
}

/** dL/d(each thing that the step computed), L being the loss of the last backward pass: total derivatives. */
export interface LstmStepGradView {
  /** By the gates after their activation: di, df, dg, do of (B4) and (B3). Computed when asked for (see below). */
  readonly gates: Gates;
  /** By the gates before their activation: dai, daf, dag, dao of (B2). Live views. */
  readonly preactivations: Gates;
  /** By c and h of this step. Live views. */
  readonly c: NdArray;
  readonly h: NdArray;
  /** By c and h of the step before (at step 0: of the initial state). Live views. */
  readonly before: { readonly c: NdArray; readonly h: NdArray };
}

export class LstmStepView {
  /** Which step, from 0. */
  readonly t: number;
  private readonly k: Kernels;
  private readonly tape: LstmTape;

  constructor(k: Kernels, tape: LstmTape, t: number) {
    if (!Number.isInteger(t) || t < 0 || t >= tape.shape.steps) {
      throw new UnspoolError({
        code: 'INVALID_SETTING',
        path: `step(${t})`,
        problem: `the tape of ${tape.name} has steps 0 to ${tape.shape.steps - 1}.`,
      });
    }
    this.k = k;
    this.tape = tape;
    this.t = t;
  }

  /** i, f, g, o after their activation (F2). */
  get gates(): Gates {
    return this.cut(this.tape.steps[this.t]!.y.gates);
  }

  /** (F3) */
  get c(): NdArray {
    return this.array(this.tape.steps[this.t]!.y.c);
  }

  /** (F4) */
  get h(): NdArray {
    return this.array(this.tape.steps[this.t]!.y.h);
  }

  /** The state that this step started from, c- and h-. */
  get before(): { readonly c: NdArray; readonly h: NdArray } {
    const { c, h } = this.tape.steps[this.t]!.before;
    return { c: this.array(c), h: this.array(h) };
  }

  /** The input of this step, [N, D]. */
  get x(): NdArray {
    const { x, shape } = this.tape;
    return this.array(this.k.view(x, this.t * shape.rows * x.cols, shape.rows, x.cols));
  }

  /** Throws `INVALID_SETTING` on a tape that was made without gradients. */
  get grad(): LstmStepGradView {
    const { grad } = this.tape;
    if (!grad) {
      throw new UnspoolError({
        code: 'INVALID_SETTING',
        path: 'grad',
        problem: 'this tape records no gradients.',
        help: 'Use the tape that model.gradients() returns.',
      });
    }
    const { y: d, before } = grad.steps[this.t]!;
    const self = this;
    return {
      get gates() {
        return self.activationGrads();
      },
      get preactivations() {
        return self.cut(d.gates);
      },
      get c() {
        return self.array(d.c);
      },
      get h() {
        return self.array(d.h);
      },
      get before() {
        return { c: self.array(before.c), h: self.array(before.h) };
      },
    };
  }

  /**
   * (B4), (B3): do = dh*f(s), di = dc*g*m, dg = dc*i*m, df = dc*c-, and what came back from elsewhere. The backward pass
   * goes straight on to the pre-activations, so these are worked out from dc and dh here instead of being kept for every
   * step. A gate that is 1 throughout has no gradient.
   */
  private activationGrads(): Gates {
    const { y, d, mask, external, squashed } = this.tape.cell(this.t);
    const form = cellForm(this.tape.spec.cell);
    const { before } = this.tape.steps[this.t]!;
    const read = (m: Matrix): FloatArray => hostNumbers(this.k, m);
    const [c, cBefore, dcAll, dh, gates] = [y.c, before.c, d!.c, d!.h, y.gates].map(read) as [
      FloatArray,
      ...FloatArray[],
    ];
    const [m, ext, fs] = [mask && read(mask), external && read(external), this.outputActivation(squashed)];
    const { rows: N, cols: H } = y.c;
    const Float = this.k.precision === 'float64' ? Float64Array : Float32Array;
    const [di, df, dg, dO] = [0, 1, 2, 3].map(() => new Float(N * H)) as [
      FloatArray,
      FloatArray,
      FloatArray,
      FloatArray,
    ];
    for (let s = 0; s < N * H; s++) {
      const j = s % H;
      const I = 4 * (s - j) + j;
      const back = (gate: number): number => ext?.[3 * (s - j) + gate * H + j] ?? 0;
      const dc = Math.abs(c[s]!) < form.clip ? dcAll![s]! : 0;
      df[s] = form.gates === 'noForget' ? 0 : dc * cBefore![s]! + back(1);
      di[s] = dc * gates![I + 2 * H]! * (m?.[s] ?? 1) + back(0) - (form.gates === 'coupled' ? df[s]! : 0);
      if (form.gates === 'noInput') di[s] = 0;
      dg[s] = dc * gates![I]! * (m?.[s] ?? 1);
      dO[s] = form.gates === 'noOutput' ? 0 : dh![s]! * fs[s]! + back(2);
    }
    const shaped = (values: FloatArray): NdArray => ownArray(values, [N, H]);
    return { i: shaped(di), f: shaped(df), g: shaped(dg), o: shaped(dO) };
  }

  /** f(s) of (F4): what the cell's second half gives where the output gate is 1. */
  private outputActivation(squashed: Matrix): FloatArray {
    const { k } = this;
    const { rows: N, cols: H } = squashed;
    const room = { gates: k.alloc(N, 4 * H), c: k.alloc(N, H), h: k.alloc(N, H) };
    k.cellOutput(room, squashed, { ...cellForm(this.tape.spec.cell), gates: 'noOutput' }, null);
    const values = hostNumbers(k, room.h).slice();
    for (const matrix of [room.gates, room.c, room.h]) k.free(matrix);
    return values;
  }

  private cut(gates: Matrix): Gates {
    const H = this.tape.hiddenSize;
    const column = (index: number): NdArray => hostColumns(this.k, gates, index * H, H);
    return { i: column(0), f: column(1), g: column(2), o: column(3) };
  }

  private array(m: Matrix): NdArray {
    return hostArray(this.k, m, [m.rows, m.cols]);
  }
}
