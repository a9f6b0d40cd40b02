/** Two LSTMs over the same input, one each way: y = [h forwards | h in reverse], and so dy comes apart into two. */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import type { LayerInput, LayerTape, PassState } from '../layers/layer.js';
import type { Arena } from '../memory/parameters.js';
import { type LstmMake, LstmTape } from './tape.js';

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
  private readonly dxBack: Matrix | null;

  constructor(
    k: Kernels,
    [forwards, backwards]: readonly [LstmMake, LstmMake],
    input: LayerInput,
    rows: number,
    withGradients: boolean,
    pass: PassState,
  ) {
    this.k = k;
    this.name = forwards.name;
    this.dx = input.dx;
    this.dxBack = input.dx && k.alloc(input.dx.rows, input.dx.cols);
    this.forwards = new LstmTape(k, forwards, input, rows, withGradients, pass);
    this.backwards = new LstmTape(k, backwards, { ...input, dx: this.dxBack }, rows, withGradients, pass);
    const { rows: all, cols: R } = this.forwards.y;
    this.y = k.alloc(all, 2 * R);
    this.dy = withGradients ? k.alloc(all, 2 * R) : null;
    this.outputSteps = this.forwards.outputSteps;
  }

  pack(parameters: Arena): void {
    this.forwards.pack(parameters);
    this.backwards.pack(parameters);
  }

  forward(parameters: Arena): void {
    const R = this.forwards.y.cols;
    this.forwards.forward(parameters);
    this.backwards.forward(parameters);
    this.k.copyColumns(this.y, this.forwards.y, { from: 0, to: 0, count: R }, false);
    this.k.copyColumns(this.y, this.backwards.y, { from: 0, to: R, count: R }, false);
  }

  backward(parameters: Arena, gradients: Arena): void {
    const { k, dy, dx, dxBack } = this;
    if (!dy) return;
    const R = this.forwards.y.cols;
    k.copyColumns(this.forwards.dy!, dy, { from: 0, to: 0, count: R }, false);
    k.copyColumns(this.backwards.dy!, dy, { from: R, to: 0, count: R }, false);
    this.forwards.backward(parameters, gradients);
    this.backwards.backward(parameters, gradients);
    if (dx && dxBack) k.add(dx, dx, dxBack);
  }
}
