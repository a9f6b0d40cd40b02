/** The states of some rows of a batch, between tapes. */
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import type { Tape } from '../core/tape.js';

/** h and c of one LSTM after the last step. */
interface States {
  readonly h: FloatArray;
  readonly c: FloatArray;
}

/** The final states of a tape: of each LSTM, bottom first. A live array, valid until the next instruction, where possible. */
export async function finalStatesOf(kernels: Kernels, tape: Tape): Promise<readonly States[]> {
  const read = async (m: Matrix): Promise<FloatArray> => kernels.host(m)?.slice() ?? (await kernels.download(m));
  const states: States[] = [];
  for (const layer of tape.lstms) {
    const { h, c } = layer.finalState();
    states.push({ h: await read(h), c: await read(c) });
  }
  return states;
}

/** Rows `from` to `to` of states of `rows` rows. */
export const rowsOfStates = (states: readonly States[], rows: number, from: number, to: number): States[] =>
  states.map(({ h, c }) => {
    const cut = (values: FloatArray) => values.subarray((from * values.length) / rows, (to * values.length) / rows);
    return { h: cut(h), c: cut(c) };
  });

/** All states one after another. */
export const joined = (states: readonly States[]): readonly FloatArray[] => states.flatMap(({ h, c }) => [h, c]);

/** Writes the rows of a batch's final states, part by part, into those of a tape. */
export class StateRows {
  private readonly kernels: Kernels;
  private readonly matrices: readonly { readonly matrix: Matrix; readonly values: FloatArray }[];

  constructor(kernels: Kernels, tape: Tape, make: (length: number) => FloatArray) {
    this.kernels = kernels;
    this.matrices = tape.lstms
      .flatMap((layer) => [layer.finalState().h, layer.finalState().c])
      .map((matrix) => ({ matrix, values: make(matrix.rows * matrix.cols) }));
  }

  /** Numbers in one row. */
  get width(): number {
    return this.matrices.reduce((sum, { matrix }) => sum + matrix.cols, 0);
  }

  /** Keeps rows from `row` on; `numbers` are as `joined` has them. */
  put(row: number, numbers: readonly FloatArray[]): void {
    this.matrices.forEach(({ matrix, values }, i) => {
      values.set(numbers[i]!, row * matrix.cols);
    });
  }

  /** Rows `from` to `to`, matrix by matrix, into `out`. */
  pack(out: FloatArray, from: number, to: number): void {
    let at = 0;
    for (const { matrix, values } of this.matrices) {
      out.set(values.subarray(from * matrix.cols, to * matrix.cols), at);
      at += (to - from) * matrix.cols;
    }
  }

  /** The opposite of `pack`. */
  unpack(packed: FloatArray, from: number, to: number): void {
    let at = 0;
    for (const { matrix, values } of this.matrices) {
      const count = (to - from) * matrix.cols;
      values.set(packed.subarray(at, at + count), from * matrix.cols);
      at += count;
    }
  }

  /** Writes all rows to the tape. */
  write(): void {
    for (const { matrix, values } of this.matrices) this.kernels.upload(matrix, values);
  }
}
