/**
 * Repeats the pass of one LSTM with the engine's stages on the float64 reference backend, to compute what the tape does not
 * keep: pre-activations, and the sources of each gradient.
 */
import type { CellVariant, FloatArray, Matrix } from '../contract/kernels.js';
import { allocateBuffers } from '../core/lstm/allocate.js';
import { inputStage } from '../core/lstm/input-stage.js';
import type { LstmParts } from '../core/lstm/parameters.js';
import { recurrentStage } from '../core/lstm/recurrent-stage.js';
import type { LstmTape } from '../core/lstm/tape.js';
import { type VariantBuffers, variantBuffers } from '../core/lstm/variant.js';
import { Arena, ParameterLayout } from '../core/memory/parameters.js';
import { inOrder } from '../core/pass.js';
import { type Grid, rowOf } from './grid.js';
import { GridKernels } from './grid-kernels.js';
import type { Forward } from './lstm-forward.js';
import { shifted, stepBefore } from './lstm-trace.js';

const IDENTITY = { kind: 'identity', alpha: 1, beta: 0 } as const;

/** A cell with identity activations: its kernels add the peepholes to the pre-activations and change nothing more. */
const LINEAR: CellVariant = { gates: 'all', gate: IDENTITY, candidate: IDENTITY, output: IDENTITY, clip: Infinity };

/** The gradients that the backward pass returns from each step: to its input, its products, and the state before it. */
export interface PreviousStepGradients {
  /** The part of dL/dx from this LSTM, [T, D]. */
  readonly x: Grid;
  /** dL/d(x Wx), [T, 4H]. */
  readonly inputProduct: Grid;
  /** dL/d(h- Wh), [T, 4H]. */
  readonly recurrentProduct: Grid;
  /** Row t: dL/dh- of step t, da Wh' (B1), without the share of zoneout. */
  readonly h: Grid;
  /** Row t: dL/dc- of step t (B3), without the share of zoneout. */
  readonly c: Grid;
}

/** The values of a pass that the backward replay reads. */
export interface StepGradients {
  /** dL/da, [T, 4H]. */
  readonly da: Grid;
  /** dL/dc of the cell, [T, H]. */
  readonly dc: Grid;
  /** The gradient by the activated gates from gate recurrence, [T, 4H]. */
  readonly external: Grid;
  /** The activated gates i | f | g | o, [T, 4H]. */
  readonly gates: Grid;
}

/** Repeats the pass of one LSTM. */
export class Replay extends GridKernels {
  private readonly forward: Forward;
  private readonly buffers: VariantBuffers;
  private readonly p: LstmParts;
  private readonly d: LstmParts;
  private readonly input: ReturnType<typeof inputStage>;
  private readonly recurrent: ReturnType<typeof recurrentStage>;

  /** `parameters` has the values of the model's parameters by name, of which only those of the layer are used. */
  constructor(layer: LstmTape, forward: Forward, parameters: ReadonlyMap<string, FloatArray>) {
    super();
    const { k } = this;
    const { list } = layer.parameters;
    const layout = new ParameterLayout(list);
    const [weights, gradients] = [new Arena(k, layout), new Arena(k, layout)];
    for (const { name } of list) k.upload(weights.handle(name), parameters.get(name)!); // of a broken model, too
    const { steps, inputSize } = forward;
    const shape = { steps, batchSize: 1 };
    const context = { kernels: k, shape, gradients: true, pass: { noise: null }, variants: null };
    const input = { x: k.alloc(steps, inputSize), dx: k.alloc(steps, inputSize), steps, masks: null };
    this.forward = forward;
    this.buffers = variantBuffers(allocateBuffers(context, layer, input));
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

  /** The pre-activations (F1) with every term, [T, 4H]. `gates` is i | f | g | o, [T, 4H]. */
  preactivations(gates: Grid): Grid {
    const { k, p, forward, buffers, input, recurrent } = this;
    const { steps: T, hiddenSize: H } = forward;
    const a = k.alloc(T, 4 * H);
    recurrent.draw(p);
    input.forward(p);
    for (const t of inOrder([...buffers.steps.keys()], forward.reverse)) {
      const now = buffers.steps[t]!.y.gates;
      recurrent.forward(p, t);
      k.copy(k.view(a, t * 4 * H, 1, 4 * H), now);
      k.upload(now, rowOf(gates, t)); // the next step reads them (gate recurrence)
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

  /** The gradients that each step returned. Call it once, after `preactivations`. */
  previousStepGradients({ da, dc, external, gates }: StepGradients): PreviousStepGradients {
    const { k, p, d, forward, buffers, input, recurrent } = this;
    const { steps: T, hiddenSize: H, outputSize: R } = forward;
    const grad = buffers.grad!;
    recurrent.takeBack(p);
    k.fill(grad.state.h, 0);
    for (const t of inOrder([...buffers.steps.keys()], !forward.reverse)) {
      k.upload(grad.steps[t]!.y.gates, rowOf(da, t)); // discards what gate recurrence of the later step added
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

  /** The part of dL/dc that comes from dL/dh of the cell, [T, H]: through (F4), layer normalization and the output peephole. */
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
