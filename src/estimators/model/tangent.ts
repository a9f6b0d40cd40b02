/** Forward derivatives of a model's transition over a tape of one step, layer by layer, and the closed forms of its units. */
import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import type { AnyLayerTape } from '../../core/layers/registry.js';
import type { LstmState } from '../../core/lstm/blocks.js';
import { LstmTangent, withoutClosedForm } from '../../core/lstm/tangent.js';
import type { LstmTape } from '../../core/lstm/tape.js';
import type { Arena } from '../../core/memory/parameters.js';
import { hostNumbers } from '../../core/memory/views.js';
import type { Model } from '../../core/model.js';
import type { ModelSpec } from '../../core/spec.js';
import type { Tape } from '../../core/tape.js';
import type { GatedUnits } from '../system.js';

interface LstmPart {
  readonly tangent: LstmTangent;
  /** Changes of the state before the step, and after it. */
  readonly from: LstmState;
  readonly to: LstmState;
}

export class ModelTangent {
  private readonly k: Kernels;
  private readonly model: Model;
  private readonly tape: Tape;
  private readonly direction: Arena;
  private readonly lstms = new Map<LstmTape, LstmPart>();
  /** Changes of the outputs of other layers. */
  private readonly outputs = new Map<AnyLayerTape, Matrix>();

  /** Whether every layer of the transition has closed-form derivatives. */
  static covers(spec: ModelSpec): boolean {
    return spec.layers.every((layer) => layer.kind !== 'lstm' || withoutClosedForm(layer) === null);
  }

  /** Whether the transition is one layer of gated units that reads the input directly and feeds all of h back. */
  static hasUnits({ layers }: ModelSpec): boolean {
    const [first, ...others] = layers;
    return (
      first?.kind === 'lstm' &&
      withoutClosedForm(first) === null &&
      first.projectionSize === undefined &&
      !first.cell?.peepholes &&
      others.every(({ kind }) => kind !== 'lstm')
    );
  }

  constructor(k: Kernels, model: Model, tape: Tape) {
    this.k = k;
    this.model = model;
    this.tape = tape;
    this.direction = model.arena();
    const like = ({ h, c }: LstmState): LstmState => ({ h: k.alloc(h.rows, h.cols), c: k.alloc(c.rows, c.cols) });
    for (const layer of tape.lstms) {
      const state = layer.finalState();
      this.lstms.set(layer, { tangent: new LstmTangent(k, layer), from: like(state), to: like(state) });
    }
    const top = tape.layers.findLastIndex(({ kind }) => kind === 'lstm');
    for (const layer of tape.layers.slice(0, top)) {
      if (layer.kind === 'embedding' || layer.kind === 'linear') {
        this.outputs.set(layer, k.alloc(layer.y.rows, layer.y.cols));
      }
    }
  }

  /** dh', dc' of each LSTM in turn. `state` has dh-, dc- in the same order; `w` is the change of theta. */
  apply(state: readonly ArrayLike<number>[], w: ArrayLike<number> | null): Matrix[] {
    const { k, tape, model, direction } = this;
    if (w) k.upload(direction.matrix, w);
    let dx: Matrix | null = null;
    for (const layer of tape.layers.slice(0, tape.layers.findLastIndex(({ kind }) => kind === 'lstm') + 1)) {
      if (layer.kind === 'lstm') {
        const { tangent, from, to } = this.lstms.get(layer)!;
        const at = tape.lstms.indexOf(layer);
        k.upload(from.h, state[2 * at]!);
        k.upload(from.c, state[2 * at + 1]!);
        const p = layer.parameters.in(model.parameters);
        tangent.units(p);
        tangent.apply(p, w && layer.parameters.in(direction), dx, from, to);
        dx = to.h;
      } else if (layer.kind === 'embedding') dx = w && this.embedding(layer);
      else if (layer.kind === 'linear') dx = this.linear(layer, dx, w !== null);
      // Dropout and activity layers are the identity outside training.
    }
    return tape.lstms.flatMap((layer) => [this.lstms.get(layer)!.to.h, this.lstms.get(layer)!.to.c]);
  }

  /** (E1): dy[r] = dE[ids[r]]. */
  private embedding(layer: AnyLayerTape & { kind: 'embedding' }): Matrix {
    const out = this.outputs.get(layer)!;
    this.k.gatherRows(out, this.direction.part(`${layer.name}.weight`), layer.ids);
    return out;
  }

  /** (A1): dy = dx W' + x dW' + db. */
  private linear(layer: AnyLayerTape & { kind: 'linear' }, dx: Matrix | null, moved: boolean): Matrix | null {
    if (!dx && !moved) return null;
    const { k, model, direction } = this;
    const out = this.outputs.get(layer)!;
    const { weight, bias } = layer.names;
    if (moved && bias) k.fillRows(out, direction.part(bias));
    else k.fill(out, 0);
    if (dx) k.gemm(out, dx, model.parameters.part(weight), { transB: true, accumulate: true });
    if (moved) k.gemm(out, layer.x, direction.part(weight), { transB: true, accumulate: true });
    return out;
  }

  /** The closed forms of the model's only LSTM, for one sequence. */
  units(): GatedUnits {
    const { k, model, tape } = this;
    const layer = tape.lstm(0);
    const p = layer.parameters.in(model.parameters);
    const d = this.lstms.get(layer)!.tangent.units(p);
    const copy = (m: Matrix): FloatArray => hostNumbers(k, m).slice();
    const n = layer.hiddenSize;
    const cut = (m: Matrix): FloatArray[] => [0, 1, 2, 3].map((g) => hostNumbers(k, m).slice(g * n, (g + 1) * n));
    const zeros = copy(d.hByCell).fill(0);
    const [x, h] = [copy(layer.x), copy(layer.steps[0]!.before.h)];
    const inputs = Float64Array.from([...x, ...h, ...p.biases.map(() => 1)]);
    const offset = (part: string): number => model.parameters.layout.entry(layer.parameters.nameOf(part)).offset;
    const [ih, hh] = [offset('weight_ih'), offset('weight_hh')];
    const biases = ['bias_ih', 'bias_hh'].slice(0, p.biases.length).map(offset);
    return {
      size: n,
      gates: 4,
      parts: 2,
      inputs,
      byGate: [cut(d.hByGates), cut(d.cByGates)],
      kept: [
        [zeros, copy(d.hByCell)],
        [zeros, copy(d.cByCell)],
      ],
      recurrent: hostNumbers(k, p.weightHh),
      index(gate, unit, i) {
        const row = gate * n + unit;
        if (i < x.length) return ih + row * x.length + i;
        const back = i - x.length;
        return back < n ? hh + row * n + back : biases[back - n]! + row;
      },
    };
  }
}
