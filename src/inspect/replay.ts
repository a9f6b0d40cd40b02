/**
 * One LSTM's pass, repeated from the numbers of a trace by the engine's own stages and instructions, on the reference backend
 * in float64. It gives what a tape does not keep: pre-activations, and where each part of a gradient came from.
 */
import type { CellVariant, FloatArray, Matrix } from '../contract/kernels.js';
import { allocateBuffers } from '../core/lstm/allocate.js';
import { inputStage } from '../core/lstm/input-stage.js';
import type { LstmParts } from '../core/lstm/parameters.js';
import type { LstmBuffers } from '../core/lstm/program.js';
import { recurrentStage } from '../core/lstm/recurrent-stage.js';
import type { LstmTape } from '../core/lstm/tape.js';
import { Arena } from '../core/memory/parameters.js';
import { inOrder } from '../core/pass.js';
import { type Grid, rowOf } from './grid.js';
import { GridKernels } from './grid-kernels.js';
import type { Forward } from './lstm-forward.js';
import { shifted, stepBefore } from './lstm-trace.js';

const IDENTITY = { kind: 'identity', alpha: 1, beta: 0 } as const;

/** A cell whose gates are their own pre-activations: its instructions then add the peepholes and nothing more. */
const LINEAR: CellVariant = { gates: 'all', gate: IDENTITY, candidate: IDENTITY, output: IDENTITY, clip: Infinity };

/** What the backward pass sent from each step to the step computed before it, and through the products. */
export interface SentGradients {
  /** dL/dx of this LSTM, [T, D]. */
  readonly x: Grid;
  /** dL/d(x Wx) and dL/d(h- Wh), [T, 4H]. */
  readonly inputProduct: Grid;
  readonly recurrentProduct: Grid;
  /** What step t sends to h and c of the step before it, in row t: (B1) da Wh' and (B3) dc-. Without zoneout's part. */
  readonly h: Grid;
  readonly c: Grid;
}

/** What the tape has of the backward pass. */
export interface StepGradients {
  /** dL/da, [T, 4H]. */
  readonly da: Grid;
  /** dL/dc of the cell, [T, H]. */
  readonly dc: Grid;
  /** What gate recurrence sent back to the activated gates, [T, 4H]. */
  readonly external: Grid;
  /** i | f | g | o, [T, 4H]. */
  readonly gates: Grid;
}

/** The pass of one LSTM of a trace. */
export class Replay extends GridKernels {
  private readonly forward: Forward;
  private readonly buffers: LstmBuffers;
  private readonly p: LstmParts;
  private readonly d: LstmParts;
  private readonly input: ReturnType<typeof inputStage>;
  private readonly recurrent: ReturnType<typeof recurrentStage>;

  /** `parameters`: the numbers of all parameters of the model, by name. */
  constructor(layer: LstmTape, forward: Forward, { layout }: Arena, parameters: ReadonlyMap<string, FloatArray>) {
    super();
    const { k } = this;
    const [weights, gradients] = [new Arena(k, layout), new Arena(k, layout)];
    for (const [name, values] of parameters) weights.set(name, values);
    const { steps, inputSize } = forward;
    const shape = { steps, batchSize: 1 };
    const context = { kernels: k, shape, gradients: true, pass: { noise: null }, variants: null };
    const input = { x: k.alloc(steps, inputSize), dx: k.alloc(steps, inputSize), steps, masks: null };
    this.forward = forward;
    this.buffers = allocateBuffers(context, layer, input);
    this.p = layer.parameters.in(weights);
    this.d = layer.parameters.in(gradients);
    this.input = inputStage(this.buffers);
    this.recurrent = recurrentStage(this.buffers);
    this.upload(input.x, forward.x);
    for (const [t, { y, before }] of this.buffers.steps.entries()) {
      if (stepBefore(forward, t) === null) {
        this.upload(before.h, forward.initial.h);
        this.upload(before.c, forward.initial.c);
      }
      k.upload(y.h, rowOf(forward.h, t));
      k.upload(y.c, rowOf(forward.c, t));
    }
  }

  /** (F1) with every term of it, [T, 4H]: the stages up to the cell, then the peepholes. `gates`: i | f | g | o, [T, 4H]. */
  preactivations(gates: Grid): Grid {
    const { k, p, forward, buffers, input, recurrent } = this;
    const { steps: T, hiddenSize: H } = forward;
    const a = k.alloc(T, 4 * H);
    input.pack(p);
    recurrent.pack(p);
    input.forward(p);
    for (const t of inOrder([...buffers.steps.keys()], forward.reverse)) {
      const now = buffers.steps[t]!.y.gates;
      recurrent.forward(p, t);
      k.copy(k.view(a, t * 4 * H, 1, 4 * H), now);
      k.upload(now, rowOf(gates, t)); // gate recurrence reads them in the next step
    }
    if (p.peepholes) {
      const cell = { variant: LINEAR, peepholes: p.peepholes, mask: null };
      const y = { gates: a, c: k.alloc(T, H), h: k.alloc(T, H) };
      k.cellState(y, this.cBefore(), cell);
      this.upload(y.c, forward.cell.c);
      k.cellOutput(y, y.c, cell);
    }
    return this.grid(a);
  }

  /** What each step sent back. Call it after `preactivations`, once. */
  sent({ da, dc, external, gates }: StepGradients): SentGradients {
    const { k, p, d, forward, buffers, input, recurrent } = this;
    const { steps: T, hiddenSize: H, outputSize: R } = forward;
    const grad = buffers.grad!;
    recurrent.packBack(p);
    k.fill(grad.state.h, 0);
    for (const t of inOrder([...buffers.steps.keys()], !forward.reverse)) {
      k.upload(grad.steps[t]!.y.gates, rowOf(da, t)); // without what gate recurrence added to it in the step after
      recurrent.backward(p, d, t);
    }
    input.gradients(p, d);
    const h = k.alloc(T, R);
    for (const [t, { before }] of grad.steps.entries()) k.copy(k.view(h, t * R, 1, R), before.h);
    const c = k.alloc(T, H);
    k.cellStateGrad(
      { gates: this.matrix(external), c: this.matrix(dc), cPrev: c, peepholes: null },
      { gates: this.matrix(gates), c: this.matrix(forward.cell.c) },
      this.cBefore(),
      { variant: forward.variant, peepholes: p.peepholes, mask: null },
    );
    return {
      x: this.grid(grad.dx!),
      inputProduct: this.grid(input.productGrad!),
      recurrentProduct: this.grid(recurrent.productGrad!),
      h: this.grid(h),
      c: this.grid(c),
    };
  }

  /** What dL/dh of the cell adds to dL/dc, [T, H]: through (F4), a normalization of c, and an output peephole (B4), (B2). */
  cFromOutput(gates: Grid, dh: Grid, external: Grid): { readonly cFromH: Grid; readonly normalizedC: Grid | null } {
    const { k, p, d, forward } = this;
    const { steps: T, hiddenSize: H } = forward;
    const y = { gates: this.matrix(gates), c: this.matrix(forward.cell.c) };
    const [dc, ds] = [k.alloc(T, H), k.alloc(T, H)];
    const norm = p.norms && { ...p.norms.c, a: y.c, stats: k.alloc(T, 2) };
    const s = norm ? k.alloc(T, H) : y.c;
    if (norm) k.layerNorm(s, norm, false);
    const cell = { variant: forward.variant, peepholes: p.peepholes, mask: null };
    const to = { gates: this.matrix(external), c: dc, h: this.matrix(dh), s: ds, peepholes: null };
    k.cellOutputGrad(to, y, s, cell);
    const normalizedC = norm ? this.grid(ds) : null;
    if (norm) k.layerNormGrad({ a: dc, gain: d.norms!.c.gain, bias: d.norms!.c.bias }, ds, norm, true);
    else k.add(dc, dc, ds);
    return { cFromH: this.grid(dc), normalizedC };
  }

  private cBefore(): Matrix {
    return this.matrix(shifted(this.forward, this.forward.c, this.forward.initial.c));
  }

  private upload(m: Matrix, { data }: Grid): void {
    this.k.upload(m, data);
  }
}
