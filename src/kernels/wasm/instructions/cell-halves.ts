/** The LSTM cell in its other variants, cut in two at c. */
import {
  ACTIVATIONS,
  type Activation,
  type CellArguments,
  type CellOutputGrad,
  type CellStateGrad,
  GATE_SETS,
  type Kernels,
  type LstmStep,
} from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import type { VariantExports } from '../exports.js';
import { CellWord } from '../layout.js';

type CellHalves = Pick<Kernels, 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'>;

/** The record of arguments that all halves share. Each reads only the words that it uses. */
function argumentRecord({ heap, at, record }: WasmContext) {
  const words = new Int32Array(heap.memory.buffer, record, CellWord.count);
  const floats = new Float32Array(heap.memory.buffer, record, CellWord.count);
  const doubles = new Float64Array(heap.memory.buffer, record, CellWord.rows / 2);

  /** @param other the activation of the candidate or of the output. */
  const writeCell = (y: Pick<LstmStep, 'gates' | 'c'>, cell: CellArguments, other: Activation): void => {
    const { variant, peepholes, mask } = cell;
    const { gates, gate, clip } = variant;
    words[CellWord.rows] = y.c.rows;
    words[CellWord.units] = y.c.cols;
    words[CellWord.gateSet] = GATE_SETS.indexOf(gates);
    words[CellWord.gateKind] = ACTIVATIONS.indexOf(gate.kind);
    doubles[CellWord.gateAlpha / 2] = gate.alpha;
    doubles[CellWord.gateBeta / 2] = gate.beta;
    words[CellWord.otherKind] = ACTIVATIONS.indexOf(other.kind);
    doubles[CellWord.otherAlpha / 2] = other.alpha;
    doubles[CellWord.otherBeta / 2] = other.beta;
    floats[CellWord.clip] = clip;
    words[CellWord.gates] = at(y.gates);
    words[CellWord.c] = at(y.c);
    words[CellWord.inputPeephole] = at(peepholes?.i);
    words[CellWord.forgetPeephole] = at(peepholes?.f);
    words[CellWord.outputPeephole] = at(peepholes?.o);
    words[CellWord.mask] = at(mask);
  };
  const writeGradients = ({ gates, c, peepholes }: CellStateGrad | CellOutputGrad): void => {
    words[CellWord.dGates] = at(gates);
    words[CellWord.dc] = at(c);
    words[CellWord.dInputPeephole] = at(peepholes?.i);
    words[CellWord.dForgetPeephole] = at(peepholes?.f);
    words[CellWord.dOutputPeephole] = at(peepholes?.o);
  };
  return { words, writeCell, writeGradients };
}

export function cellHalves(context: WasmContext, wasm: VariantExports): CellHalves {
  const { at, threads, record } = context;
  const { words, writeCell, writeGradients } = argumentRecord(context);
  return {
    cellState(y, cPrev, cell) {
      writeCell(y, cell, cell.variant.candidate);
      words[CellWord.cPrev] = at(cPrev);
      threads.barrier();
      wasm.cellState(record);
    },
    cellStateGrad(d, y, cPrev, cell) {
      writeCell(y, cell, cell.variant.candidate);
      writeGradients(d);
      words[CellWord.cPrev] = at(cPrev);
      words[CellWord.dcPrev] = at(d.cPrev);
      threads.barrier();
      wasm.cellStateGrad(record);
    },
    cellOutput(y, s, cell) {
      writeCell(y, cell, cell.variant.output);
      words[CellWord.h] = at(y.h);
      words[CellWord.s] = at(s);
      threads.barrier();
      wasm.cellOutput(record);
    },
    cellOutputGrad(d, y, s, cell) {
      writeCell(y, cell, cell.variant.output);
      writeGradients(d);
      words[CellWord.s] = at(s);
      words[CellWord.dh] = at(d.h);
      words[CellWord.ds] = at(d.s);
      threads.barrier();
      wasm.cellOutputGrad(record);
    },
  };
}
