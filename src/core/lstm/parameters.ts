/** The parameters of one LSTM, forwards or in reverse: their names, shapes and starts, and their handles. */

import type { Matrix, PackedMatrix, Peepholes } from '../../contract/kernels.js';
import type { Initializer } from '../init.js';
import type { Arena, Draw, ParameterSpec } from '../memory/parameters.js';
import type { LstmSpec } from './spec.js';

/** Gain and bias of a layer normalization, (1, C) each. */
export interface Norm {
  readonly gain: Matrix;
  readonly bias: Matrix;
}

/** Handles of the standard LSTM's parameters, or of their gradients. */
export interface LstmWeights {
  readonly weightIh: Matrix; // (4H, D)
  readonly weightHh: Matrix; // (4H, H)
  readonly biases: readonly Matrix[]; // (1, 4H) each, none to two of them: b is their sum
  readonly packed: PackedWeights;
}

/** The weights as the right operands of products, as they are now: forwards transposed, backwards not. */
export interface PackedWeights {
  Wx(): PackedMatrix; // (D, 4H)
  WxBack(): PackedMatrix; // (4H, D)
  Wh(): PackedMatrix; // (R, 4H)
  WhBack(): PackedMatrix; // (4H, R)
  Whr(): PackedMatrix; // (H, R)
  WhrBack(): PackedMatrix; // (R, H)
}

/** Handles of all that an LSTM has, as parameters or as the gradients of them; R is the projection's width, or H. */
export interface LstmParts extends LstmWeights {
  readonly weightHr: Matrix | null; // (R, H)
  readonly peepholes: Peepholes | null; // (1, H) each
  readonly gateRecurrence: Matrix | null; // (3H, 3H) over i, f, o
  readonly norms: { readonly ih: Norm; readonly hh: Norm; readonly c: Norm } | null;
  readonly initial: { readonly h: Matrix; readonly c: Matrix } | null; // (1, R), (1, H)
}

/** A matrix of gate blocks [H, cols] one under the other, each drawn on its own. */
function startGates(init: Initializer, blocks: number, H: number, cols: number, draw: Draw): Float64Array {
  const out = new Float64Array(blocks * H * cols);
  for (let gate = 0; gate < blocks; gate++) out.set(draw(init, H, cols, H), gate * H * cols);
  return out;
}

function startBias(spec: LstmSpec, forget: number | null, draw: Draw): Float64Array {
  const H = spec.hiddenSize;
  const out = draw(spec.init?.bias ?? 'zeros', 1, 4 * H, H);
  if (forget !== null) out.fill(forget, H, 2 * H);
  return out;
}

/** Names, shapes and initial values of one LSTM's parameters; the names of a reverse direction end in `_reverse`. */
export class LstmParameters {
  readonly list: readonly ParameterSpec[];
  private readonly spec: LstmSpec;
  /** The name of a part, such as `weight_ih`, among a model's parameters. */
  readonly nameOf: (part: string) => string;
  private readonly known = new WeakMap<Arena, LstmParts>();

  constructor(spec: LstmSpec, prefix: string, level: number, reverse: boolean, inputSize: number) {
    this.spec = spec;
    this.nameOf = (part) => `${prefix}.${part}_l${level}${reverse ? '_reverse' : ''}`;
    this.list = this.describe(inputSize);
  }

  /** The handles in one arena, made once. */
  in(arena: Arena): LstmParts {
    let parts = this.known.get(arena);
    if (!parts) this.known.set(arena, (parts = this.find(arena)));
    return parts;
  }

  private find(arena: Arena): LstmParts {
    const handle = (part: string): Matrix => arena.part(this.nameOf(part));
    const packed = (part: string, transB: boolean) => {
      const name = this.nameOf(part);
      return () => arena.packed(name, transB);
    };
    const { bias = true, cell = {}, projectionSize, initialState } = this.spec;
    const norm = (of: string): Norm => ({ gain: handle(`norm_gain_${of}`), bias: handle(`norm_bias_${of}`) });
    return {
      weightIh: handle('weight_ih'),
      weightHh: handle('weight_hh'),
      biases: bias === false ? [] : bias === 'single' ? [handle('bias_ih')] : [handle('bias_ih'), handle('bias_hh')],
      packed: {
        Wx: packed('weight_ih', true),
        WxBack: packed('weight_ih', false),
        Wh: packed('weight_hh', true),
        WhBack: packed('weight_hh', false),
        Whr: packed('weight_hr', true),
        WhrBack: packed('weight_hr', false),
      },
      weightHr: projectionSize === undefined ? null : handle('weight_hr'),
      peepholes: cell.peepholes ? { i: handle('peephole_i'), f: handle('peephole_f'), o: handle('peephole_o') } : null,
      gateRecurrence: cell.gateRecurrence ? handle('weight_gate_recurrence') : null,
      norms: cell.layerNorm ? { ih: norm('ih'), hh: norm('hh'), c: norm('c') } : null,
      initial: initialState === 'learned' ? { h: handle('h0'), c: handle('c0') } : null,
    };
  }

  private describe(D: number): ParameterSpec[] {
    const { hiddenSize: H, projectionSize, bias = true, cell = {}, initialState, init = {} } = this.spec;
    const R = projectionSize ?? H;
    const { input = 'uniform', recurrent = 'uniform', projection = 'uniform', peephole = 'zeros' } = init;
    const { gateRecurrence = 'uniform', forgetBias = 1 } = init;
    const list: ParameterSpec[] = [];
    const add = (part: string, shape: readonly number[], start: ParameterSpec['start']): void => {
      list.push({ name: this.nameOf(part), shape, start });
    };
    const fill = (part: string, shape: readonly number[], how: Initializer): void => {
      const [rows, cols] = shape.length > 1 ? [shape[0]!, shape[1]!] : [1, shape[0]!];
      add(part, shape, (draw) => draw(how, rows, cols, H));
    };
    add('weight_ih', [4 * H, D], (draw) => startGates(input, 4, H, D, draw));
    add('weight_hh', [4 * H, R], (draw) => startGates(recurrent, 4, H, R, draw));
    // Only the sum of the two biases matters: the first one gets the initial value of the forget gate.
    if (bias !== false) add('bias_ih', [4 * H], (draw) => startBias(this.spec, forgetBias, draw));
    if (bias === true) add('bias_hh', [4 * H], (draw) => startBias(this.spec, forgetBias === null ? null : 0, draw));
    if (projectionSize !== undefined) fill('weight_hr', [R, H], projection);
    if (cell.peepholes) for (const gate of ['i', 'f', 'o']) fill(`peephole_${gate}`, [H], peephole);
    if (cell.gateRecurrence) {
      add('weight_gate_recurrence', [3 * H, 3 * H], (draw) => startGates(gateRecurrence, 3, H, 3 * H, draw));
    }
    if (cell.layerNorm) {
      for (const [of, size] of [['ih', 4 * H] as const, ['hh', 4 * H] as const, ['c', H] as const]) {
        fill(`norm_gain_${of}`, [size], 'ones');
        fill(`norm_bias_${of}`, [size], 'zeros');
      }
    }
    if (initialState === 'learned') {
      fill('h0', [R], 'zeros');
      fill('c0', [H], 'zeros');
    }
    return list;
  }
}

/** One LSTM of a built model: one direction of an LSTM layer. */
export interface LstmDefinition {
  readonly name: string;
  readonly spec: LstmSpec;
  readonly parameters: LstmParameters;
  readonly reverse: boolean;
}
