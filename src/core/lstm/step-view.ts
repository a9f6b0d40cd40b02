/** Views of one time step of an LSTM layer. Every array is a live view of the tape's memory, shape [N, H]. */

import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import type { LiveNumbers } from '../memory/live-numbers.js';
import { hostArray, hostColumns, type LiveArray, type NdArray, ownArray } from '../memory/views.js';
import type { LstmBuffers, Program } from './program.js';

/** The four gates: input, forget, cell candidate, output. */
export interface Gates<Data = LiveNumbers> {
  readonly i: NdArray<Data>;
  readonly f: NdArray<Data>;
  readonly g: NdArray<Data>;
  readonly o: NdArray<Data>;
}

/** Total derivatives of the loss of the last backward pass by everything that a step computed. */
export interface LstmStepGradView {
  /** By the gates after their activation: di, df, dg, do of (B4) and (B3). Copies, computed on access. */
  readonly gates: Gates<FloatArray>;
  /** By the gates before their activation: dai, daf, dag, dao of (B2). Live views. */
  readonly preactivations: Gates;
  /** By c and h of this step. Live views. */
  readonly c: LiveArray;
  readonly h: LiveArray;
  /** By c and h of the step before (at step 0: of the initial state). Live views. */
  readonly before: { readonly c: LiveArray; readonly h: LiveArray };
}

/** The part of an LSTM's tape that a step view reads. */
interface ViewedLstm extends Pick<LstmBuffers, 'shape' | 'x' | 'steps' | 'grad'>, Pick<Program, 'gateGradients'> {
  readonly name: string;
  readonly hiddenSize: number;
}

/** A view of one time step: `tape.steps[t]`. Arrays have shape [N, H]. */
export class LstmStepView {
  /** Which step, from 0. */
  readonly t: number;
  private readonly k: Kernels;
  private readonly tape: ViewedLstm;

  constructor(k: Kernels, tape: ViewedLstm, t: number) {
    if (!Number.isInteger(t) || t < 0 || t >= tape.shape.steps) {
      throw invalidSetting(`step(${t})`, `the tape of ${tape.name} has steps 0 to ${tape.shape.steps - 1}.`);
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
  get c(): LiveArray {
    return this.array(this.tape.steps[this.t]!.y.c);
  }

  /** (F4) */
  get h(): LiveArray {
    return this.array(this.tape.steps[this.t]!.y.h);
  }

  /** The state before this step, c- and h-. */
  get before(): { readonly c: LiveArray; readonly h: LiveArray } {
    const { c, h } = this.tape.steps[this.t]!.before;
    return { c: this.array(c), h: this.array(h) };
  }

  /** The input of this step, [N, D]. */
  get x(): LiveArray {
    const { x, shape } = this.tape;
    return this.array(this.k.view(x, this.t * shape.batchSize * x.cols, shape.batchSize, x.cols));
  }

  /** Throws `INVALID_SETTING` on a tape that was made without gradients. */
  get grad(): LstmStepGradView {
    const { grad } = this.tape;
    if (!grad) {
      throw invalidSetting('grad', 'this tape has no gradients.', 'Use the tape that model.gradients() returns.');
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

  /** Computed from dc and dh instead of being stored for every step. */
  private activationGrads(): Gates<FloatArray> {
    const { t, tape } = this;
    const { i, f, g, o } = tape.gateGradients(t);
    const shaped = (values: FloatArray) => ownArray(values, [tape.shape.batchSize, tape.hiddenSize]);
    return { i: shaped(i), f: shaped(f), g: shaped(g), o: shaped(o) };
  }

  private cut(gates: Matrix): Gates {
    const H = this.tape.hiddenSize;
    const column = (index: number): LiveArray => hostColumns(this.k, gates, index * H, H);
    return { i: column(0), f: column(1), g: column(2), o: column(3) };
  }

  private array(m: Matrix): LiveArray {
    return hostArray(this.k, m, [m.rows, m.cols]);
  }
}
