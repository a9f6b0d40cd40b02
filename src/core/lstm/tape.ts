/** One LSTM's part of a tape: the buffers of one pass. plain.ts and staged.ts compute it. */

import { shown } from '../../checks.js';
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { type LayerInput, type LayerTape, requireVariants, type TapeContext } from '../layers/layer.js';
import type { Arena } from '../memory/parameters.js';
import type { PassShape } from '../pass.js';
import { allocateBuffers, allocateOutput, type LstmOutput, stateEnds } from './allocate.js';
import type { LstmState, StepBlocks } from './blocks.js';
import type { LstmDefinition, LstmParameters } from './parameters.js';
import { plainProgram } from './plain.js';
import type { CellValues, GateNumbers, LstmBuffers, Program } from './program.js';
import { isSimpleLstm, type LstmSpec, requireCarries } from './spec.js';
import { LstmStepView } from './step-view.js';

/** The numbers of an LSTM's state, row by row: h of N*R and c of N*H. */
export interface StateNumbers {
  readonly h: ArrayLike<number>;
  readonly c: ArrayLike<number>;
}

function programOf(buffers: LstmBuffers, { variants }: TapeContext): Program {
  if (!buffers.masks && isSimpleLstm(buffers.spec)) return plainProgram(buffers);
  return requireVariants(variants, buffers.name).program(buffers);
}

/** One LSTM's part of a tape: `step(t)` shows what a time step computed, `finalState()` the state that the pass ended with. */
export class LstmTape implements LayerTape {
  readonly kind = 'lstm';
  readonly name: string;
  /** Steps and rows that this layer reads. */
  readonly shape: PassShape;
  readonly spec: LstmSpec;
  readonly hiddenSize: number; // H
  readonly reverse: boolean;
  readonly x: Matrix; // (T*N, D)
  readonly gates: Matrix; // (T*N, 4H) i | f | g | o
  /** By time: what each step computed, and the state before it. */
  readonly steps: readonly StepBlocks[];
  /** The gradients of all that, in the same layout; null on a tape without gradients. */
  readonly grad: LstmBuffers['grad'];
  readonly y: Matrix;
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  /** The handles of its parameters in an arena: `parameters.in(arena)`. */
  readonly parameters: LstmParameters;
  private readonly program: Program;
  private readonly buffers: LstmBuffers;
  private readonly output: LstmOutput;
  private readonly ends: ReturnType<typeof stateEnds>;
  private readonly stepViews: LstmStepView[] = [];
  /** The gradient of the final state from beyond the last step; set for one backward pass. */
  after: LstmState | null = null;
  /** Whether the pass starts from this layer's own initial state: zero, or learned. */
  private fresh = true;

  constructor(context: TapeContext, lstm: LstmDefinition, input: LayerInput) {
    const buffers = allocateBuffers(context, lstm, input);
    this.k = context.kernels;
    this.name = lstm.name;
    this.spec = lstm.spec;
    this.parameters = lstm.parameters;
    this.reverse = lstm.reverse;
    this.hiddenSize = lstm.spec.hiddenSize;
    this.shape = buffers.shape;
    this.x = buffers.x;
    this.gates = buffers.gates;
    this.steps = buffers.steps;
    this.grad = buffers.grad;
    this.buffers = buffers;
    this.program = programOf(buffers, context);
    this.ends = stateEnds(buffers);
    this.output = allocateOutput(buffers);
    this.y = this.output.y;
    this.dy = this.output.dy;
    this.outputSteps = this.output.outputSteps;
  }

  /** A view of time step t; its gradients need a backward pass. Throws `INVALID_SETTING` unless 0 <= t < T. */
  step(t: number): LstmStepView {
    if (typeof t !== 'number') throw invalidSetting(`step(${shown(t)})`, 'must be the number of a time step.');
    return (this.stepViews[t] ??= new LstmStepView(this.k, this, t));
  }

  /** Handles of what the cell computed at time t. */
  cell(t: number): CellValues {
    return this.program.cell(t);
  }

  /** dL/d(gate) at time t. */
  gateGradients(t: number): GateNumbers {
    return this.program.gateGradients(t);
  }

  /**
   * @internal Sets the state before the first step: this layer's initial state (null), the final state of another pass or of
   * this one, or numbers. `Tape.begin` checks them. Throws `INVALID_SETTING` where the layer cannot carry a state.
   */
  begin(from: LstmTape | StateNumbers | null): void {
    const { h, c } = this.initialState();
    this.fresh = from === null;
    if (from instanceof LstmTape) {
      requireCarries(this.name, this.spec, this.reverse);
      const last = from.finalState();
      this.k.copy(h, last.h);
      this.k.copy(c, last.c);
    } else if (from) {
      this.k.upload(h, from.h);
      this.k.upload(c, from.c);
    } else {
      this.k.fill(h, 0);
      this.k.fill(c, 0);
    }
  }

  /** The state at the start becomes the state at the end. */
  endAtStart(parameters: Arena): void {
    const { k } = this;
    const [start, end] = [this.initialState(), this.finalState()];
    const learned = this.fresh ? this.parameters.in(parameters).initial : null;
    for (const part of ['h', 'c'] as const) {
      if (learned) k.fillRows(start[part], learned[part]);
      k.copy(end[part], start[part]);
    }
  }

  /** Some rows of the state at the end become this layer's own initial state. */
  restart(parameters: Arena, rows: readonly number[]): void {
    const { k } = this;
    const end = this.finalState();
    const learned = this.parameters.in(parameters).initial;
    for (const part of ['h', 'c'] as const) {
      const all = end[part];
      const whole = rows.length === all.rows;
      for (const m of whole ? [all] : rows.map((row) => k.view(all, row * all.cols, 1, all.cols))) {
        if (learned) k.fillRows(m, learned[part]);
        else k.fill(m, 0);
      }
    }
  }

  /** The state at the end becomes rows of that of another tape. */
  takeRows(from: LstmTape, rows: Int32Array): void {
    const [end, other] = [this.finalState(), from.finalState()];
    this.k.gatherRows(end.h, other.h, rows);
    this.k.gatherRows(end.c, other.c, rows);
  }

  /** Handles of h (N, R) and c (N, H) before the first step. */
  initialState(): LstmState {
    return this.ends.state.initial;
  }

  /** Handles of h and c after the last step (in reverse: after step 0); of unequal lengths, at each sequence's end. */
  finalState(): LstmState {
    return this.ends.state.final;
  }

  /** Handles of dL/dh and dL/dc of the initial state; null on a tape without gradients. */
  initialStateGrad(): LstmState | null {
    return this.ends.grad?.initial ?? null;
  }

  forward(parameters: Arena): void {
    const { k, buffers } = this;
    const p = this.parameters.in(parameters);
    if (p.initial && this.fresh) {
      const { h, c } = this.initialState();
      k.fillRows(h, p.initial.h);
      k.fillRows(c, p.initial.c);
    }
    this.program.forward(p);
    const { unmasked } = this.output;
    if (unmasked) k.scaleRows(this.y, unmasked.h, buffers.masks!.activeMask, false);
  }

  backward(parameters: Arena, gradients: Arena): void {
    const { k, dy, buffers } = this;
    const { unmasked, dhUnwritten } = this.output;
    const ends = this.ends.grad;
    if (!ends || !dy) return;
    if (unmasked) k.scaleRows(unmasked.dh!, dy, buffers.masks!.activeMask, false);
    k.fill(dhUnwritten!, 0);
    const { final: last, initial } = ends;
    if (this.after) {
      k.add(last.h, last.h, this.after.h);
      k.copy(last.c, this.after.c);
    } else k.fill(last.c, 0);
    const d = this.parameters.in(gradients);
    this.program.backward(this.parameters.in(parameters), d);
    if (d.initial && this.fresh) {
      k.sumRows(d.initial.h, initial.h);
      k.sumRows(d.initial.c, initial.c);
    }
  }
}
