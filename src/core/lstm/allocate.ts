/** Allocates the buffers of one LSTM for one pass. */
import type { Matrix } from '../../contract/kernels.js';
import type { LayerInput, TapeContext } from '../layers/layer.js';
import { cutSteps, type LstmState, type StepBlocks, wholeSequence } from './blocks.js';
import type { LstmDefinition } from './parameters.js';
import type { LstmBuffers } from './program.js';

/** A step by its place in the order of computation. */
const firstOf = <T>(steps: readonly T[], reverse: boolean): T => (reverse ? steps.at(-1)! : steps[0]!);
const lastOf = <T>(steps: readonly T[], reverse: boolean): T => firstOf(steps, !reverse);

/** The states before the first and after the last step, in the order of computation. */
export interface StateEnds {
  readonly initial: LstmState;
  readonly final: LstmState;
}

const endsOf = (steps: readonly StepBlocks[], reverse: boolean): StateEnds => ({
  initial: firstOf(steps, reverse).before,
  final: lastOf(steps, reverse).y,
});

/** What the next layer reads and writes. */
export interface LstmOutput {
  readonly y: Matrix;
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  /** With sequence masks: h and dL/dh of all steps. y is h, set to 0 past each sequence's end. Else null: y is h. */
  readonly unmasked: { readonly h: Matrix; readonly dh: Matrix | null } | null;
  /** The blocks of dL/dh that the next layer does not write: the initial state's, and with `returns: 'last'` all but the last. */
  readonly dhUnwritten: Matrix | null;
}

export function allocateBuffers(context: TapeContext, lstm: LstmDefinition, input: LayerInput): LstmBuffers {
  const { kernels: k, pass, gradients } = context;
  const { spec, reverse, name } = lstm;
  const shape = { steps: input.steps, batchSize: context.shape.batchSize };
  const { steps: T, batchSize: N } = shape;
  const [H, R] = [spec.hiddenSize, spec.projectionSize ?? spec.hiddenSize];
  const allocate = (dx: Matrix | null) => {
    const state = { h: k.alloc((T + 1) * N, R), c: k.alloc((T + 1) * N, H) };
    const gates = k.alloc(T * N, 4 * H);
    return { dx, gates, state, steps: cutSteps(k, shape, gates, state, reverse) };
  };
  const { gates, state, steps } = allocate(null);
  return {
    k,
    spec,
    name: reverse ? `${name}_reverse` : name,
    reverse,
    shape,
    pass,
    masks: input.masks,
    x: input.x!,
    gates,
    state,
    steps,
    grad: gradients ? allocate(input.dx) : null,
  };
}

export function allocateOutput({ k, spec, reverse, shape, state, steps, grad, masks }: LstmBuffers): LstmOutput {
  const { steps: T, batchSize: N } = shape;
  const R = state.h.cols;
  const outputSteps = spec.returns === 'last' ? 1 : T;
  const unwritten = (1 + T - outputSteps) * N;
  const dhUnwritten = grad && k.view(grad.state.h, reverse ? ((T + 1) * N - unwritten) * R : 0, unwritten, R);
  if (spec.returns === 'last') {
    const [y, dy] = [lastOf(steps, reverse).y.h, grad && lastOf(grad.steps, reverse).y.h];
    return { y, dy, outputSteps, unmasked: null, dhUnwritten };
  }
  const h = wholeSequence(k, shape, state.h, 'after', reverse);
  const dh = grad && wholeSequence(k, shape, grad.state.h, 'after', reverse);
  if (!masks) return { y: h, dy: dh, outputSteps, unmasked: null, dhUnwritten };
  const y = k.alloc(T * N, R);
  return { y, dy: grad && k.alloc(T * N, R), outputSteps, unmasked: { h, dh }, dhUnwritten };
}

/** The ends of the states, and of their gradients. */
export const stateEnds = ({ steps, grad, reverse }: LstmBuffers): { state: StateEnds; grad: StateEnds | null } => ({
  state: endsOf(steps, reverse),
  grad: grad && endsOf(grad.steps, reverse),
});
