/** One time step of an LSTM layer, to look into: every array is a live view of the tape's memory, shape [N, H]. */
import ndarray from 'ndarray';
import { UnspoolError } from '../errors.js';
import type { FloatArray, Kernels, Matrix } from './kernels.js';
import type { LstmTape } from './lstm-layer.js';
import { hostArray, hostColumns, type NdArray } from './views.js';

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
    const { d, before } = grad.steps[this.t]!;
    const self = this;
    return {
      get gates() {
        return self.activationGrads(d.c, d.h);
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
   * (B4), (B3): do = dh*tc, di = dc*g, dg = dc*i, df = dc*c-. The backward pass goes straight on to the
   * pre-activations, so these are worked out from dc and dh here instead of being kept for every step.
   */
  private activationGrads(dc: Matrix, dh: Matrix): Gates {
    const { i, g } = this.gates;
    const c = this.c;
    const cBefore = this.before.c;
    const [dcView, dhView] = [this.array(dc), this.array(dh)];
    const product = (a: NdArray, b: (n: number, j: number) => number): NdArray => {
      const [N, H] = [a.shape[0]!, a.shape[1]!];
      const out = ndarray<FloatArray>(
        this.k.precision === 'float64' ? new Float64Array(N * H) : new Float32Array(N * H),
        [N, H],
      );
      for (let n = 0; n < N; n++) for (let j = 0; j < H; j++) out.set(n, j, a.get(n, j) * b(n, j));
      return out;
    };
    return {
      i: product(dcView, (n, j) => g.get(n, j)),
      f: product(dcView, (n, j) => cBefore.get(n, j)),
      g: product(dcView, (n, j) => i.get(n, j)),
      o: product(dhView, (n, j) => Math.tanh(c.get(n, j))),
    };
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
