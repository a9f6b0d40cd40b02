/** One LSTM's part of a tape: the buffers of one pass. plain.ts and staged.ts compute it. */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import { UnspoolError } from '../../errors.js';
import type { LayerInput, LayerTape, PassShape, PassState } from '../layers/layer.js';
import type { Arena } from '../memory/parameters.js';
import { cutSteps, type LstmState, type StateBlocks, type StepBlocks, wholeSequence } from './blocks.js';
import { formProgram } from './forms.js';
import type { LstmParameters } from './parameters.js';
import { plainProgram } from './plain.js';
import type { CellValues, LstmBuffers, Program } from './program.js';
import { isPlain, type LstmSpec, requireCarries } from './spec.js';
import { LstmStepView } from './step-view.js';

/** The numbers of a state: h of N*R and c of N*H, row by row. */
export interface GivenState {
  readonly h: ArrayLike<number>;
  readonly c: ArrayLike<number>;
}

export interface LstmMake {
  readonly name: string;
  readonly spec: LstmSpec;
  readonly parameters: LstmParameters;
  readonly reverse: boolean;
}

export class LstmTape implements LayerTape {
  readonly kind = 'lstm';
  readonly name: string;
  /** Steps that this layer reads, and rows. */
  readonly shape: PassShape;
  readonly spec: LstmSpec;
  readonly hiddenSize: number; // H
  readonly reverse: boolean;
  readonly x: Matrix; // (T*N, D)
  readonly gates: Matrix; // (T*N, 4H) i | f | g | o
  /** By time: what each step left, and the state that it started from. */
  readonly steps: readonly StepBlocks[];
  /** Null on a tape that was made without gradients; the same by each. */
  readonly grad: LstmBuffers['grad'];
  readonly y: Matrix;
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  /** Its handles in an arena: `parameters.in(arena)`. */
  readonly parameters: LstmParameters;
  private readonly program: Program;
  private readonly buffers: LstmBuffers;
  /** Where the output of ragged sequences is not h itself, but 0 past each row's end. */
  private readonly cut: { readonly h: Matrix; readonly dh: Matrix | null } | null;
  /** Blocks of dL/dh that nobody above writes: the initial state's, and with `returns: 'last'` all but the last. */
  private readonly dhUnwritten: Matrix | null;
  private readonly stepViews: LstmStepView[] = [];
  /** What comes back from beyond the last step; set for one backward pass. */
  after: LstmState | null = null;
  /** The state before the first step is this layer's own: learned, where it has such parameters. */
  private fresh = true;

  constructor(
    k: Kernels,
    make: LstmMake,
    input: LayerInput,
    batchSize: number,
    withGradients: boolean,
    pass: PassState,
  ) {
    const { spec, reverse } = make;
    const shape = { steps: input.steps, batchSize };
    const [H, R] = [spec.hiddenSize, spec.projectionSize ?? spec.hiddenSize];
    const [T, N] = [shape.steps, shape.batchSize];
    const state = (): StateBlocks => ({ h: k.alloc((T + 1) * N, R), c: k.alloc((T + 1) * N, H) });
    const [blocks, gates] = [state(), k.alloc(T * N, 4 * H)];
    const grad = withGradients ? { dx: input.dx, gates: k.alloc(T * N, 4 * H), state: state() } : null;
    this.k = k;
    this.name = make.name;
    this.spec = spec;
    this.parameters = make.parameters;
    this.reverse = reverse;
    this.shape = shape;
    this.hiddenSize = H;
    this.x = input.x!;
    this.gates = gates;
    this.steps = cutSteps(k, shape, gates, blocks, reverse);
    this.grad = grad && { ...grad, steps: cutSteps(k, shape, grad.gates, grad.state, reverse) };
    this.buffers = {
      k,
      spec,
      name: reverse ? `${make.name}_reverse` : make.name,
      reverse,
      shape,
      pass,
      ragged: input.ragged,
      x: this.x,
      gates,
      state: blocks,
      steps: this.steps,
      grad: this.grad,
    };
    this.program = !input.ragged && isPlain(spec) ? plainProgram(this.buffers) : formProgram(this.buffers);
    this.outputSteps = spec.returns === 'last' ? 1 : T;
    const unwritten = (1 + T - this.outputSteps) * N;
    this.dhUnwritten = grad && k.view(grad.state.h, reverse ? ((T + 1) * N - unwritten) * R : 0, unwritten, R);
    this.cut = null;
    if (spec.returns === 'last') {
      this.y = this.finalState().h;
      this.dy = this.grad && this.ended(this.grad.steps).y.h;
    } else {
      this.y = wholeSequence(k, shape, blocks.h, 'after', reverse);
      this.dy = grad && wholeSequence(k, shape, grad.state.h, 'after', reverse);
      if (input.ragged) {
        this.cut = { h: this.y, dh: this.dy };
        this.y = k.alloc(T * N, R);
        if (grad) this.dy = k.alloc(T * N, R);
      }
    }
  }

  /** Time step t, to look into; its gradients are there after a backward pass. Throws `INVALID_SETTING` for no such step. */
  step(t: number): LstmStepView {
    return (this.stepViews[t] ??= new LstmStepView(this.k, this, t));
  }

  /** What the cell computed at time t, in handles. */
  cell(t: number): CellValues {
    return this.program.cell(t);
  }

  /**
   * Sets the state before the first step: this layer's own, what another pass (or this one) ended with, or numbers.
   * Throws `INVALID_SETTING` where a state cannot be carried on, `SHAPE_MISMATCH` where the numbers do not fit.
   */
  begin(from: LstmTape | GivenState | null): void {
    const { h, c } = this.initialState();
    this.fresh = from === null;
    if (from instanceof LstmTape) {
      requireCarries(this.name, this.spec, this.reverse);
      const last = from.finalState();
      this.k.copy(h, last.h);
      this.k.copy(c, last.c);
    } else if (from) {
      this.give('h', h, from.h);
      this.give('c', c, from.c);
    } else {
      this.k.fill(h, 0);
      this.k.fill(c, 0);
    }
  }

  /** Handles of h and c before the first step, (N, R) and (N, H). */
  initialState(): LstmState {
    return this.started(this.steps).before;
  }

  /** Handles of h and c after the last step (in reverse: after step 0); of ragged sequences, at each row's own end. */
  finalState(): LstmState {
    return this.ended(this.steps).y;
  }

  /** Handles of dL/dh and dL/dc of the state before the first step. */
  initialStateGrad(): LstmState | null {
    return this.grad && this.started(this.grad.steps).before;
  }

  pack(parameters: Arena): void {
    this.program.pack(this.parameters.in(parameters));
  }

  forward(parameters: Arena): void {
    const { k, cut, buffers } = this;
    const p = this.parameters.in(parameters);
    if (p.initial && this.fresh) {
      const { h, c } = this.initialState();
      k.fillRows(h, p.initial.h);
      k.fillRows(c, p.initial.c);
    }
    this.program.forward(p);
    if (cut) k.scaleRows(this.y, cut.h, buffers.ragged!.alive, false);
  }

  backward(parameters: Arena, gradients: Arena): void {
    const { k, grad, cut, dy, buffers } = this;
    if (!grad || !dy) return;
    if (cut) k.scaleRows(cut.dh!, dy, buffers.ragged!.alive, false);
    k.fill(this.dhUnwritten!, 0);
    const { y: last } = this.ended(grad.steps);
    if (this.after) {
      k.add(last.h, last.h, this.after.h);
      k.copy(last.c, this.after.c);
    } else k.fill(last.c, 0);
    const d = this.parameters.in(gradients);
    this.program.backward(this.parameters.in(parameters), d);
    if (d.initial && this.fresh) {
      k.sumRows(d.initial.h, this.initialStateGrad()!.h);
      k.sumRows(d.initial.c, this.initialStateGrad()!.c);
    }
  }

  private started(steps: readonly StepBlocks[]): StepBlocks {
    return this.reverse ? steps.at(-1)! : steps[0]!;
  }

  private ended(steps: readonly StepBlocks[]): StepBlocks {
    return this.reverse ? steps[0]! : steps.at(-1)!;
  }

  private give(part: string, m: Matrix, values: ArrayLike<number>): void {
    if (values.length !== m.rows * m.cols) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'begin',
        tensor: `${part} of ${this.name} before the first step`,
        expected: [m.rows, m.cols],
        actual: [values.length],
        help: 'Pass one row of units per sequence, row by row.',
      });
    }
    this.k.upload(m, values);
  }
}
