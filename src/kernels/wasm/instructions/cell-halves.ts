/** The LSTM cell in its other variants, cut in two at c. */
import {
  ACTIVATIONS,
  type Activation,
  type CellVariant,
  GATE_SETS,
  type Kernels,
  type Matrix,
} from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import { CellWord } from '../layout.js';

type CellHalves = Pick<Kernels, 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'>;

/** The arguments of a cell half in memory. A half reads only the words that it uses. */
class CellRecord {
  /** Address of the record. */
  readonly at: number;
  private readonly words: Int32Array;
  private readonly floats: Float32Array;
  private readonly addressOf: WasmContext['at'];

  constructor({ heap, at }: WasmContext) {
    this.at = heap.alloc(4 * CellWord.count);
    this.words = new Int32Array(heap.memory.buffer, this.at, CellWord.count);
    this.floats = new Float32Array(heap.memory.buffer, this.at, CellWord.count);
    this.addressOf = at;
  }

  matrix(word: CellWord, m: Matrix | null | undefined): void {
    this.words[word] = this.addressOf(m);
  }

  /** Sizes and options of a half; `other` is the activation of the candidate or of the output. */
  options(c: Matrix, { gates, gate, clip }: CellVariant, other: Activation): void {
    const { words, floats } = this;
    words[CellWord.rows] = c.rows;
    words[CellWord.units] = c.cols;
    words[CellWord.gateSet] = GATE_SETS.indexOf(gates);
    words[CellWord.gateKind] = ACTIVATIONS.indexOf(gate.kind);
    floats[CellWord.gateAlpha] = gate.alpha;
    floats[CellWord.gateBeta] = gate.beta;
    words[CellWord.otherKind] = ACTIVATIONS.indexOf(other.kind);
    floats[CellWord.otherAlpha] = other.alpha;
    floats[CellWord.otherBeta] = other.beta;
    floats[CellWord.clip] = clip;
  }
}

export function cellHalves(context: WasmContext): CellHalves {
  const { wasm, afterBarrier } = context;
  const record = new CellRecord(context);
  return {
    cellState(y, cPrev, { variant, peepholes, mask }) {
      record.options(y.c, variant, variant.candidate);
      record.matrix(CellWord.gates, y.gates);
      record.matrix(CellWord.c, y.c);
      record.matrix(CellWord.cPrev, cPrev);
      record.matrix(CellWord.inputPeephole, peepholes?.i);
      record.matrix(CellWord.forgetPeephole, peepholes?.f);
      record.matrix(CellWord.mask, mask);
      afterBarrier(() => wasm.cellState(record.at));
    },
    cellStateGrad(d, y, cPrev, { variant, peepholes, mask }) {
      record.options(y.c, variant, variant.candidate);
      record.matrix(CellWord.dGates, d.gates);
      record.matrix(CellWord.dc, d.c);
      record.matrix(CellWord.dcPrev, d.cPrev);
      record.matrix(CellWord.gates, y.gates);
      record.matrix(CellWord.c, y.c);
      record.matrix(CellWord.cPrev, cPrev);
      record.matrix(CellWord.inputPeephole, peepholes?.i);
      record.matrix(CellWord.forgetPeephole, peepholes?.f);
      record.matrix(CellWord.dInputPeephole, d.peepholes?.i);
      record.matrix(CellWord.dForgetPeephole, d.peepholes?.f);
      record.matrix(CellWord.mask, mask);
      afterBarrier(() => wasm.cellStateGrad(record.at));
    },
    cellOutput(y, s, { variant, peepholes }) {
      record.options(y.c, variant, variant.output);
      record.matrix(CellWord.gates, y.gates);
      record.matrix(CellWord.c, y.c);
      record.matrix(CellWord.h, y.h);
      record.matrix(CellWord.s, s);
      record.matrix(CellWord.outputPeephole, peepholes?.o);
      afterBarrier(() => wasm.cellOutput(record.at));
    },
    cellOutputGrad(d, y, s, { variant, peepholes }) {
      record.options(y.c, variant, variant.output);
      record.matrix(CellWord.dGates, d.gates);
      record.matrix(CellWord.dc, d.c);
      record.matrix(CellWord.dh, d.h);
      record.matrix(CellWord.ds, d.s);
      record.matrix(CellWord.gates, y.gates);
      record.matrix(CellWord.c, y.c);
      record.matrix(CellWord.s, s);
      record.matrix(CellWord.outputPeephole, peepholes?.o);
      record.matrix(CellWord.dOutputPeephole, d.peepholes?.o);
      afterBarrier(() => wasm.cellOutputGrad(record.at));
    },
  };
}
