/**
 * One LSTM in one direction, forward only, with every variant of the engine:
 *   (F1) a = LN?(x Wx') + b + LN?(h- Wh') + R [i f o]-       (F2)-(F4) in machine.ts, of variants in cell.ts
 *   (P1) h = h Whr'
 */
import type { LstmSpec } from '../core/lstm/spec.js';
import { holder, type Lengths, layerNorm, type ReadPart, variantCell } from './cell.js';
import type { Floats } from './file.js';
import type { Block, Machine, Weights } from './machine.js';

/** Where an LSTM writes its h: columns of a block, of each step or of the last one. */
export interface Columns {
  readonly block: Block;
  readonly column: number;
  readonly width: number;
  readonly last: boolean;
}

export interface Lstm {
  /** Width of h. */
  readonly width: number;
  readonly hiddenSize: number;
  /** The state before the first step: a row of h and of c. */
  readonly initial: { readonly h: Floats; readonly c: Floats };
  /** The state before a pass and after it: h [N, `width`] and c [N, `hiddenSize`]. */
  h: Block;
  c: Block;
  /** Allocates for passes of `rows` rows. */
  allocate(rows: number): void;
  /** Runs over x, [T, N, D], and writes h into y, [T, N, `y.width`] or [N, `y.width`]. */
  run(x: Block, T: number, lengths: Lengths, y: Columns): void;
}

/** Copies the rows of h into rows of y from `row` on; 0 in rows that have ended before time t, as PyTorch pads. */
function copyColumns(y: Columns, row: number, h: Floats, t: number, rows: number, lengths: Lengths): void {
  const { block, column, width } = y;
  const R = h.length / rows;
  for (let n = 0; n < rows; n++) {
    const ended = lengths !== null && !y.last && t >= lengths[n]!;
    for (let j = 0; j < R; j++) block.data[(row + n) * width + column + j] = ended ? 0 : h[n * R + j]!;
  }
}

/** (F1) a_ifo += R [i f o]-, with the gates of the step before (0 at first, and in rows that have ended). */
function gateRecurrence(machine: Machine, w: Weights) {
  const H = w.inputs / 3;
  let [before, sum, rows]: [Block?, Block?, number?] = [];
  const each = (act: (gate: number, k: number, n: number) => void): void => {
    for (let k = 0; k < rows! * 3 * H; k++) {
      const n = Math.floor(k / (3 * H));
      act(k + n * H + (k % (3 * H) < 2 * H ? 0 : H), k, n);
    }
  };
  return {
    allocate(count: number) {
      rows = count;
      [before, sum] = [machine.allocate(rows * 3 * H), machine.allocate(rows * 3 * H)];
    },
    start: () => before!.data.fill(0),
    add(gates: Floats) {
      sum!.data.fill(0);
      machine.product(sum!, before!, 0, rows!, w);
      each((gate, k) => {
        gates[gate] = gates[gate]! + sum!.data[k]!;
      });
    },
    keep(gates: Floats, t: number, lengths: Lengths) {
      each((gate, k, n) => {
        before!.data[k] = lengths !== null && t >= lengths[n]! ? 0 : gates[gate]!;
      });
    },
  };
}

/** The weights of one LSTM. */
function readWeights(machine: Machine, spec: LstmSpec, inputSize: number, read: ReadPart) {
  const { hiddenSize: H, projectionSize, bias = true, cell = {} } = spec;
  const R = projectionSize ?? H;
  const weights = (part: string, outputs: number, inputs: number): Weights => {
    return { block: machine.keep(read(part, [outputs, inputs])), outputs, inputs };
  };
  const second = bias === true ? read('bias_hh', [4 * H]) : null;
  const isLearned = spec.initialState === 'learned';
  return {
    wx: weights('weight_ih', 4 * H, inputSize),
    wh: weights('weight_hh', 4 * H, R),
    whr: projectionSize === undefined ? null : weights('weight_hr', R, H),
    recurrence: cell.gateRecurrence ? gateRecurrence(machine, weights('weight_gate_recurrence', 3 * H, 3 * H)) : null,
    bias: bias === false ? new Float32Array(4 * H) : read('bias_ih', [4 * H]).map((b, j) => b + (second?.[j] ?? 0)),
    normX: cell.layerNorm ? layerNorm(read, 'ih', 4 * H) : null,
    normH: cell.layerNorm ? layerNorm(read, 'hh', 4 * H) : null,
    initial: {
      h: isLearned ? read('h0', [R]) : new Float32Array(R),
      c: isLearned ? read('c0', [H]) : new Float32Array(H),
    },
  };
}

/** The LSTM of a spec. `read` gives the values of its parameters. */
export function makeLstm(machine: Machine, spec: LstmSpec, inputSize: number, reverse: boolean, read: ReadPart): Lstm {
  const { hiddenSize: H, projectionSize: R = H } = spec;
  const { wx, wh, whr, recurrence, bias, normX, normH, initial } = readWeights(machine, spec, inputSize, read);
  const cell = variantCell(spec, read);
  const held = holder(spec);
  let rows = 0;
  let gates!: Block; // [N, 4H]
  let products!: Block; // [N, 4H], of one product, for layer norm
  let u!: Block; // [N, H], the cell's output

  /** (F1) a += LN?(x W') */
  const add = (x: Block, from: number, w: Weights, norm: typeof normX): void => {
    if (norm) products.data.fill(0);
    machine.product(norm ? products : gates, x, from, rows, w);
    if (norm) norm(gates.data, products.data, rows, true);
  };

  const step = (x: Block, t: number, lengths: Lengths): void => {
    const { h, c } = lstm;
    held.keep(h.data, c.data);
    for (let n = 0; n < rows; n++) gates.data.set(bias, n * 4 * H);
    add(x, t * rows * inputSize, wx, normX);
    add(h, 0, wh, normH);
    if (recurrence) recurrence.add(gates.data);
    if (cell) cell(rows, gates.data, c.data, u.data);
    else machine.cell(gates, c, u, rows, H);
    if (whr) {
      h.data.fill(0);
      machine.product(h, u, 0, rows, whr); // (P1)
    }
    if (recurrence) recurrence.keep(gates.data, t, lengths);
    held.apply(h.data, c.data, rows, t, lengths);
  };

  const lstm: Lstm = {
    width: R,
    hiddenSize: H,
    initial,
    h: gates,
    c: gates,
    allocate(count) {
      rows = count;
      gates = machine.allocate(rows * 4 * H);
      products = machine.allocate(normX ? rows * 4 * H : 0);
      lstm.c = machine.allocate(rows * H);
      lstm.h = machine.allocate(rows * R);
      u = whr ? machine.allocate(rows * H) : lstm.h;
      recurrence?.allocate(rows);
    },
    run(x, T, lengths, y) {
      recurrence?.start();
      for (let i = 0; i < T; i++) {
        const t = reverse ? T - 1 - i : i;
        step(x, t, lengths);
        if (!y.last || i === T - 1) copyColumns(y, y.last ? 0 : t * rows, lstm.h.data, t, rows, lengths);
      }
    },
  };
  return lstm;
}
