/** Two LSTMs over the same input, one per direction: y = [h forward | h reverse], and dy splits into the two halves. */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import type { LayerInput, LayerTape, TapeContext } from '../layers/layer.js';
import type { Arena } from '../memory/parameters.js';
import type { LstmTape } from './tape.js';

export class BidirectionalTape implements LayerTape {
  readonly kind = 'bidirectional';
  readonly name: string;
  readonly forwards: LstmTape;
  readonly backwards: LstmTape;
  readonly y: Matrix; // (T*N, 2R)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly dx: Matrix | null;
  /** The reverse LSTM's part of dx. */
  private readonly dxReverse: Matrix | null;

  /** `make` makes the tape of one direction. */
  constructor(
    { kernels: k, gradients }: TapeContext,
    input: LayerInput,
    make: (reverse: boolean, input: LayerInput) => LstmTape,
  ) {
    this.k = k;
    this.dx = input.dx;
    this.dxReverse = input.dx && k.alloc(input.dx.rows, input.dx.cols);
    this.forwards = make(false, input);
    this.backwards = make(true, { ...input, dx: this.dxReverse });
    this.name = this.forwards.name;
    const { rows, cols: R } = this.forwards.y;
    this.y = k.alloc(rows, 2 * R);
    this.dy = gradients ? k.alloc(rows, 2 * R) : null;
    this.outputSteps = this.forwards.outputSteps;
  }

  forward(parameters: Arena): void {
    const R = this.forwards.y.cols;
    this.forwards.forward(parameters);
    this.backwards.forward(parameters);
    this.k.copyColumns(this.y, this.forwards.y, { from: 0, to: 0, count: R }, false);
    this.k.copyColumns(this.y, this.backwards.y, { from: 0, to: R, count: R }, false);
  }

  backward(parameters: Arena, gradients: Arena): void {
    const { k, dy, dx, dxReverse } = this;
    if (!dy) return;
    const R = this.forwards.y.cols;
    k.copyColumns(this.forwards.dy!, dy, { from: 0, to: 0, count: R }, false);
    k.copyColumns(this.backwards.dy!, dy, { from: R, to: 0, count: R }, false);
    this.forwards.backward(parameters, gradients);
    this.backwards.backward(parameters, gradients);
    if (dx && dxReverse) k.add(dx, dx, dxReverse);
  }
}
