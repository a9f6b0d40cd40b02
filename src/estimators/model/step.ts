/** One time step of a model: a tape of one step that is reused. */

import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import type { LossChoice } from '../../core/losses.js';
import type { LstmState } from '../../core/lstm/blocks.js';
import type { LstmTape } from '../../core/lstm/tape.js';
import type { Arena } from '../../core/memory/parameters.js';
import { hostNumbers } from '../../core/memory/views.js';
import type { Model } from '../../core/model.js';
import type { ModelSpec } from '../../core/spec.js';
import type { Tape } from '../../core/tape.js';
import { invalidSetting } from '../../errors.js';
import {
  type GatedUnits,
  requireGradient,
  requireSize,
  type StatePart,
  type StepData,
  type SystemStep,
} from '../system.js';
import { ModelTangent } from './tangent.js';

/** Whether dropout or noise affects the new state, which the closed-form derivatives do not cover. */
function dropsInside({ layers }: ModelSpec): boolean {
  return layers
    .slice(0, layers.findLastIndex(({ kind }) => kind === 'lstm') + 1)
    .some(
      (layer) =>
        layer.kind === 'dropout' ||
        (layer.kind === 'embedding' && layer.dropout) ||
        (layer.kind === 'lstm' && (layer.dropConnect || layer.recurrentDropout || layer.zoneout)),
    );
}

/** What a step uses of the system that made it. */
export interface StepOwner {
  readonly model: Model;
  readonly batchSize: number;
  readonly loss: LossChoice | null;
  readonly kernels: Kernels;
  readonly parameters: FloatArray;
  /** `length` zeros in the model's precision. */
  floats(length: number): FloatArray;
  /** Runs `act` with an arena whose sums are added to `gradient`. */
  adding(gradient: FloatArray | null, act: (arena: Arena) => void): void;
  /** Takes a released step back, for reuse. */
  giveBack(step: EngineStep): void;
}

export class EngineStep implements SystemStep {
  readonly stateSize: number;
  before: ArrayLike<number> = [];
  state: FloatArray;
  loss = 0;
  private readonly system: StepOwner;
  private readonly tape: Tape;
  private readonly k: Kernels;
  /** Index of the last LSTM among the layers; the layers after it are the readout. */
  private readonly top: number;
  /** Cotangents of each LSTM's new state. */
  private readonly after: readonly LstmState[];
  /** h and c of each LSTM after the step, their widths, and the gradients by those before the step. */
  private readonly matrices: readonly Matrix[];
  private readonly widths: readonly number[];
  private readonly backwards: readonly Matrix[];
  private tangent: ModelTangent | null = null;
  /** Units of this run of the step; undefined until they are needed. */
  private known: GatedUnits | null | undefined;
  private target: ArrayLike<number> | null = null;
  private share = 1;
  /** Whether dropout or noise affects the new state of this run. */
  private drops = false;
  private idle = false;

  constructor(system: StepOwner) {
    const { model, batchSize } = system;
    this.system = system;
    this.k = system.kernels;
    this.tape = model.tape({ steps: 1, batchSize }, { inputGradient: false });
    this.top = this.tape.layers.findLastIndex(({ kind }) => kind === 'lstm');
    if (this.top < 0) throw invalidSetting('layers', 'must include an LSTM, which an estimator goes back through.');
    this.after = this.tape.lstms.map((layer) => {
      const { h, c } = layer.finalState();
      return { h: this.k.alloc(h.rows, h.cols), c: this.k.alloc(c.rows, c.cols) };
    });
    this.matrices = this.tape.lstms.flatMap((layer) => [layer.finalState().h, layer.finalState().c]);
    this.backwards = this.tape.lstms.flatMap((layer) => [layer.initialStateGrad()!.h, layer.initialStateGrad()!.c]);
    this.widths = this.matrices.map(({ cols }) => cols);
    this.stateSize = this.widths.reduce((a, b) => a + b);
    this.state = system.floats(0);
  }

  get lstms(): readonly LstmTape[] {
    return this.tape.lstms;
  }

  /** The ranges of h and c of each LSTM in a state. */
  get parts(): readonly StatePart[] {
    let at = 0;
    return this.widths.map((width, i) => {
      const from = at;
      at += width;
      return { kind: i % 2 === 0 ? ('h' as const) : ('c' as const), from, to: at };
    });
  }

  run(state: ArrayLike<number>, { input, target, weights = null, share = 1, noise = null }: StepData): void {
    const { tape, system } = this;
    this.idle = false;
    this.before = state;
    this.known = undefined;
    const given = this.cut(state);
    tape.begin(
      tape.lstms.map((_, i) => ({ h: given[2 * i]!, c: given[2 * i + 1]! })),
      noise,
    );
    this.drops = noise !== null && dropsInside(system.model.spec);
    tape.forwardPacked(system.model.parameters, input); // `changed` says when theta has changed
    this.state = this.join(this.matrices);
    this.target = share === 0 ? null : target;
    this.share = share;
    this.loss = 0;
    if (!target || share === 0) return;
    tape.measure(system.loss ?? (target instanceof Int32Array ? 'crossEntropy' : 'meanSquaredError'), target, weights);
    this.loss = share * hostNumbers(this.k, tape.loss!.value)[0]!;
  }

  lossGradient(gradient: FloatArray | null): FloatArray {
    const { tape, system, target } = this;
    requireGradient(gradient, system.parameters.length);
    const q = system.floats(system.batchSize * this.stateSize);
    if (!target) return q;
    system.adding(gradient, (arena) => {
      tape.loss!.backward();
      const dy = tape.layers.at(-1)!.dy!;
      if (this.share !== 1) this.k.combine(dy, this.share, dy, 0, dy);
      for (let i = tape.layers.length - 1; i > this.top; i--) {
        tape.layers[i]!.backward(system.model.parameters, arena);
      }
    });
    const [dy, width, S] = [hostNumbers(this.k, tape.layers[this.top]!.dy!), this.widths.at(-2)!, this.stateSize];
    const from = S - width - this.widths.at(-1)!;
    for (let n = 0; n < system.batchSize; n++) q.set(dy.subarray(n * width, (n + 1) * width), n * S + from);
    return q;
  }

  get outputGradient(): FloatArray | null {
    return this.target && hostNumbers(this.k, this.tape.layers.at(-1)!.dy!);
  }

  vjp(v: ArrayLike<number>, gradient: FloatArray | null): FloatArray {
    const { tape, system, after, k } = this;
    requireGradient(gradient, system.parameters.length);
    requireSize('v', v, system.batchSize * this.stateSize);
    const given = this.cut(v);
    for (const [i, { h, c }] of after.entries()) {
      k.upload(h, given[2 * i]!);
      k.upload(c, given[2 * i + 1]!);
      tape.lstms[i]!.after = after[i]!;
    }
    k.fill(tape.layers[this.top]!.dy!, 0);
    system.adding(gradient, (arena) => {
      for (let i = this.top; i >= 0; i--) tape.layers[i]!.backward(system.model.parameters, arena);
    });
    return this.join(this.backwards);
  }

  jvp(u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray {
    requireSize('u', u, this.system.batchSize * this.stateSize);
    if (w) requireSize('w', w, this.system.parameters.length);
    if (!this.drops && ModelTangent.covers(this.system.model.spec)) {
      this.tangent ??= new ModelTangent(this.k, this.system.model, this.tape);
      return this.join(this.tangent.apply(this.cut(u), w));
    }
    return this.jvpByRows(u, w);
  }

  /** The same from one cotangent for each element of the state, for layers without closed-form derivatives. */
  private jvpByRows(u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray {
    const { system, stateSize: S } = this;
    if (system.batchSize > 1)
      throw invalidSetting(
        'batchSize',
        `must be 1 for directional derivatives of this model, got ${system.batchSize}.`,
      );
    const [out, unit] = [system.floats(S), system.floats(S)];
    const byTheta = w && system.floats(system.parameters.length);
    for (let r = 0; r < S; r++) {
      unit.fill(0);
      unit[r] = 1;
      byTheta?.fill(0);
      const row = this.vjp(unit, byTheta);
      for (let i = 0; i < S; i++) out[r]! += row[i]! * u[i]!;
      if (w) for (let p = 0; p < byTheta!.length; p++) out[r]! += byTheta![p]! * w[p]!;
    }
    return out;
  }

  get units(): GatedUnits | null {
    if (this.known === undefined) this.known = this.findUnits();
    return this.known;
  }

  private findUnits(): GatedUnits | null {
    const { model, batchSize } = this.system;
    if (batchSize > 1 || this.drops || !ModelTangent.hasUnits(model.spec)) return null;
    this.tangent ??= new ModelTangent(this.k, model, this.tape);
    return this.tangent.units();
  }

  release(): void {
    if (this.idle) return;
    this.idle = true;
    this.system.giveBack(this);
  }

  dispose(): void {
    this.tape.free();
  }

  /** Splits a state into h and c of each LSTM. */
  private cut(state: ArrayLike<number>): ArrayLike<number>[] {
    const { batchSize } = this.system;
    let at = 0;
    return this.widths.map((width) => {
      const part = this.system.floats(batchSize * width);
      for (let n = 0; n < batchSize; n++) {
        for (let j = 0; j < width; j++) part[n * width + j] = state[n * this.stateSize + at + j]!;
      }
      at += width;
      return part;
    });
  }

  private join(parts: readonly Matrix[]): FloatArray {
    const { batchSize } = this.system;
    const S = this.stateSize;
    const out = this.system.floats(batchSize * S);
    let at = 0;
    for (const part of parts) {
      const numbers = hostNumbers(this.k, part);
      for (let n = 0; n < batchSize; n++) out.set(numbers.subarray(n * part.cols, (n + 1) * part.cols), n * S + at);
      at += part.cols;
    }
    return out;
  }
}
