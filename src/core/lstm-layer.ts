/** One LSTM layer of a model: its parameters, and the buffers of one pass. The maths is in lstm.ts. */
import { type Initialiser, initialise } from './init.js';
import type { Kernels, Matrix } from './kernels.js';
import type { Layer, LayerInput, LayerTape, PassShape } from './layer.js';
import {
  type LstmGradStep,
  type LstmRecord,
  type LstmRecordGrad,
  type LstmTapeStep,
  type LstmWeights,
  type LstmWorkspace,
  lstmBackward,
  lstmForward,
  packWeights,
} from './lstm.js';
import { LstmStepView } from './lstm-step-view.js';
import type { Arena, ParameterSpec } from './params.js';
import type { Rng } from './rng.js';
import type { LstmSpec } from './spec.js';

/** Full names of one layer's parameters. */
interface LstmNames {
  readonly weightIh: string;
  readonly weightHh: string;
  readonly biasIh: string;
  readonly biasHh: string;
}

const names = (prefix: string, level: number): LstmNames => ({
  weightIh: `${prefix}.weight_ih_l${level}`,
  weightHh: `${prefix}.weight_hh_l${level}`,
  biasIh: `${prefix}.bias_ih_l${level}`,
  biasHh: `${prefix}.bias_hh_l${level}`,
});

const biasNames = ({ biasIh, biasHh }: LstmNames, { bias = true }: LstmSpec): string[] =>
  bias === false ? [] : bias === 'single' ? [biasIh] : [biasIh, biasHh];

/** h and c of one layer, block 0 the state before the first step, block t the state after step t-1. */
interface StateBlocks {
  readonly h: Matrix; // ((T+1)*N, H)
  readonly c: Matrix; // ((T+1)*N, H)
}

/** Handles of one state, or of the gradient by it. */
export interface LstmState {
  readonly h: Matrix; // (N, H)
  readonly c: Matrix; // (N, H)
}

export class LstmTape implements LayerTape, LstmRecord {
  readonly kind = 'lstm';
  readonly name: string;
  readonly shape: PassShape;
  readonly hiddenSize: number;
  readonly x: Matrix;
  readonly gates: Matrix;
  readonly hBefore: Matrix;
  readonly steps: readonly LstmTapeStep[];
  /** Null on a tape that was made without gradients. */
  readonly grad: LstmRecordGrad | null;
  readonly y: Matrix;
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly names: LstmNames;
  private readonly biases: readonly string[];
  private readonly state: StateBlocks;
  /** Blocks of dL/dh that nobody above writes: the initial state's, and with `returns: 'last'` all but the last. */
  private readonly dhUnwritten: Matrix | null;
  private readonly room: LstmWorkspace;
  private readonly stepViews: LstmStepView[] = [];
  private freeGrad: (() => void) | null = null;

  constructor(
    k: Kernels,
    layer: { readonly name: string; readonly names: LstmNames; readonly spec: LstmSpec },
    shape: PassShape,
    input: LayerInput,
    withGradients: boolean,
  ) {
    const { steps: T, rows: N } = shape;
    const H = layer.spec.hiddenSize;
    this.k = k;
    this.name = layer.name;
    this.names = layer.names;
    this.biases = biasNames(layer.names, layer.spec);
    this.shape = shape;
    this.hiddenSize = H;
    this.x = input.x!;
    this.gates = k.alloc(T * N, 4 * H);
    this.state = { h: k.alloc((T + 1) * N, H), c: k.alloc((T + 1) * N, H) };
    this.hBefore = k.view(this.state.h, 0, T * N, H);
    this.steps = this.cutSteps(this.gates, this.state).map(({ now, before }) => ({ y: now, before }));
    this.outputSteps = layer.spec.returns === 'last' ? 1 : T;
    this.y = this.outputOf(this.state.h);
    const stateGrad = withGradients ? { h: k.alloc((T + 1) * N, H), c: k.alloc((T + 1) * N, H) } : null;
    this.grad = stateGrad ? this.makeGrad(input.dx, stateGrad) : null;
    this.dy = stateGrad ? this.outputOf(stateGrad.h) : null;
    this.dhUnwritten = stateGrad ? k.view(stateGrad.h, 0, (1 + T - this.outputSteps) * N, H) : null;
    this.room = { bias: k.alloc(1, 4 * H), Wx: k.allocPacked(this.x.cols, 4 * H), Wh: k.allocPacked(H, 4 * H) };
  }

  /** Time step t, to look into; its gradients are there after a backward pass. Throws `INVALID_SETTING` for no such step. */
  step(t: number): LstmStepView {
    return (this.stepViews[t] ??= new LstmStepView(this.k, this, t));
  }

  /** Sets the state before the first step: zero, or what another pass (or this one) ended with. */
  begin(from: LstmTape | null): void {
    const { h, c } = this.initialState();
    const last = from?.finalState();
    if (last) {
      this.k.copy(h, last.h);
      this.k.copy(c, last.c);
    } else {
      this.k.fill(h, 0);
      this.k.fill(c, 0);
    }
  }

  /** Handles of h and c before the first step, (N, H). */
  initialState(): LstmState {
    return this.steps[0]!.before;
  }

  /** Handles of h and c after the last step, (N, H). */
  finalState(): LstmState {
    return this.steps.at(-1)!.y;
  }

  /** Handles of dL/dh and dL/dc of the state before the first step, (N, H). */
  initialStateGrad(): LstmState | null {
    return this.grad && this.grad.steps[0]!.before;
  }

  pack(parameters: Arena): void {
    packWeights(this.k, this.weights(parameters), this.room);
  }

  forward(parameters: Arena): void {
    lstmForward(this.k, this.weights(parameters), this, this.room);
  }

  /** `after`: what comes back through the state from beyond the last step, dL/dh and dL/dc. Default: nothing. */
  backward(parameters: Arena, gradients: Arena, after: LstmState | null = null): void {
    const { k, grad, dhUnwritten } = this;
    if (!grad || !dhUnwritten) return;
    k.fill(dhUnwritten, 0);
    const { d: last } = grad.steps.at(-1)!;
    if (after) {
      k.add(last.h, last.h, after.h);
      k.copy(last.c, after.c);
    } else k.fill(last.c, 0);
    lstmBackward(k, this.weights(parameters), this.weights(gradients), this, grad, this.room);
  }

  free(): void {
    const { bias, Wx, Wh } = this.room;
    for (const m of [this.gates, this.state.h, this.state.c, bias, Wx, Wh]) this.k.free(m);
    this.freeGrad?.();
  }

  private weights(arena: Arena): LstmWeights {
    const { weightIh, weightHh } = this.names;
    return {
      weightIh: arena.handle(weightIh),
      weightHh: arena.handle(weightHh),
      biases: this.biases.map((name) => arena.handle(name)),
    };
  }

  private makeGrad(dx: Matrix | null, state: StateBlocks): LstmRecordGrad {
    const gates = this.k.alloc(this.gates.rows, this.gates.cols);
    const WhT = this.k.allocPacked(4 * this.hiddenSize, this.hiddenSize);
    this.freeGrad = () => {
      for (const m of [gates, state.h, state.c, WhT]) this.k.free(m);
    };
    const steps: LstmGradStep[] = this.cutSteps(gates, state).map(({ now, before }) => ({ d: now, before }));
    return { dx, gates, steps, WhT };
  }

  /** The blocks of each step: its gates, the state after it and the state before it. */
  private cutSteps(gates: Matrix, state: StateBlocks) {
    const { steps: T, rows: N } = this.shape;
    return Array.from({ length: T }, (_, t) => ({
      now: {
        gates: this.k.view(gates, t * N * gates.cols, N, gates.cols),
        c: this.block(state.c, t + 1),
        h: this.block(state.h, t + 1),
      },
      before: { c: this.block(state.c, t), h: this.block(state.h, t) },
    }));
  }

  private block(m: Matrix, index: number): Matrix {
    return this.k.view(m, index * this.shape.rows * m.cols, this.shape.rows, m.cols);
  }

  /** The rows of h (or of its gradient) that the next layer sees. */
  private outputOf(h: Matrix): Matrix {
    const { steps: T, rows: N } = this.shape;
    const skipped = 1 + T - this.outputSteps;
    return this.k.view(h, skipped * N * h.cols, this.outputSteps * N, h.cols);
  }
}

/** A matrix of four gate blocks [H, cols] one under the other, each drawn on its own. */
function startGates(init: Initialiser, H: number, cols: number, rng: Rng): Float64Array {
  const out = new Float64Array(4 * H * cols);
  for (let gate = 0; gate < 4; gate++) out.set(initialise(init, H, cols, H, rng), gate * H * cols);
  return out;
}

function startBias(spec: LstmSpec, forget: number | null, rng: Rng): Float64Array {
  const H = spec.hiddenSize;
  const out = initialise(spec.init?.bias ?? 'zeros', 1, 4 * H, H, rng);
  if (forget !== null) out.fill(forget, H, 2 * H);
  return out;
}

/** `level` counts the LSTM layers under one name from 0, as PyTorch's `_l0`, `_l1`. */
export function lstmLayer(spec: LstmSpec, prefix: string, level: number, inputSize: number): Layer {
  const H = spec.hiddenSize;
  const { input = 'uniform', recurrent = 'uniform', forgetBias = 1 } = spec.init ?? {};
  const n = names(prefix, level);
  const weights: ParameterSpec[] = [
    { name: n.weightIh, shape: [4 * H, inputSize], start: (rng) => startGates(input, H, inputSize, rng) },
    { name: n.weightHh, shape: [4 * H, H], start: (rng) => startGates(recurrent, H, H, rng) },
  ];
  // The two biases only ever act as their sum: the forget gate's start stands in the first of them.
  const biases: ParameterSpec[] = [
    { name: n.biasIh, shape: [4 * H], start: (rng) => startBias(spec, forgetBias, rng) },
    { name: n.biasHh, shape: [4 * H], start: (rng) => startBias(spec, forgetBias === null ? null : 0, rng) },
  ];
  const name = level === 0 ? prefix : `${prefix}_l${level}`;
  return {
    name,
    outputSize: H,
    parameters: [...weights, ...biases.slice(0, biasNames(n, spec).length)],
    tape: (k, shape, from, withGradients) => new LstmTape(k, { name, names: n, spec }, shape, from, withGradients),
  };
}
