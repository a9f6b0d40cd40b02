/**
 * A model as a system: the layers up to the last LSTM are the transition, the layers after it are the readout. Each step is a tape
 * of one time step, so the forward pass, the loss and J'v run on the model's own backend.
 */

import { requireInteger, requireKeys, shown } from '../../checks.js';
import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import type { LossChoice } from '../../core/losses.js';
import { Lease } from '../../core/memory/lease.js';
import type { Arena } from '../../core/memory/parameters.js';
import { hostNumbers } from '../../core/memory/views.js';
import { Model } from '../../core/model.js';
import { requireCarriedState } from '../../core/spec.js';
import { invalidSetting } from '../../errors.js';
import {
  INITIAL_STATE,
  type ParameterBlock,
  requireFloats,
  requireSize,
  requireStepData,
  type StatePart,
  type StepData,
  type System,
  type SystemStep,
} from '../system.js';
import { addScaled } from '../vectors.js';
import { requireStepLoss } from './batch-steps.js';
import { InitialStateStep, learnedStates } from './initial-state.js';
import { EngineStep, type StepOwner } from './step.js';

/** Options of `modelSystem`. */
export interface ModelSystemOptions {
  /** Number of sequences side by side. Default 1, which forward estimators need. */
  readonly batchSize?: number;
  /** Default: `crossEntropy` for class targets (an Int32Array), else `meanSquaredError`. */
  readonly loss?: LossChoice;
}

/** The system of a model. */
export interface ModelSystem extends System {
  readonly model: Model;
  /** A gradient of P zeros in the backend's memory, which is the fastest to add to. Any array of P numbers works. */
  newGradient(): FloatArray;
  /** The backend's matrix of such a gradient, for kernels and optimizers. */
  matrixOf(gradient: FloatArray): Matrix;
}

/**
 * Makes a system of a model, for estimators.
 *
 * @throws `INVALID_SETTING` for a model whose state cannot be carried from step to step (a reverse LSTM, `returns: 'last'`, gate
 *   recurrence), or on a backend that keeps its numbers on a device.
 */
export function modelSystem(model: Model, options: ModelSystemOptions = {}): ModelSystem {
  if (!(model instanceof Model)) {
    const help = 'A model in a worker has no tape: copy its parameters to one of createModel.';
    throw invalidSetting('model', `must be a model that createModel made, got ${shown(model)}.`, help);
  }
  requireKeys('options', options, ['batchSize', 'loss']);
  if (options.loss !== undefined) requireStepLoss(options.loss);
  return new EngineSystem(model, options);
}

class EngineSystem implements ModelSystem, StepOwner {
  readonly model: Model;
  readonly batchSize: number;
  readonly stateSize: number;
  readonly parts: readonly StatePart[];
  readonly parameters: FloatArray;
  readonly blocks: readonly ParameterBlock[];
  readonly hasOutputGradient = true;
  readonly loss: LossChoice | null;
  /** Gradients of single steps that are discarded or copied to another kind of memory. */
  readonly scratch: Arena;
  readonly kernels: Kernels;
  private readonly lease: Lease;
  private readonly learned: ReturnType<typeof learnedStates>;
  private readonly arenas = new Map<FloatArray, Arena>();
  private readonly idle: EngineStep[] = [];
  private readonly all: EngineStep[] = [];

  constructor(model: Model, { batchSize = 1, loss }: ModelSystemOptions) {
    requireCarriedState(model.spec);
    requireInteger('batchSize', batchSize, 1, 1 << 24);
    for (const [i, layer] of model.spec.layers.entries()) {
      if (layer.kind === 'lstm' && layer.returns === 'last')
        throw invalidSetting(`layers[${i}].returns`, "must be 'all', so that every step can have a loss.");
    }
    this.model = model;
    this.batchSize = batchSize;
    this.loss = loss ?? null;
    this.lease = new Lease(model.kernels, 'system');
    this.kernels = this.lease.kernels;
    this.parameters = hostNumbers(model.kernels, model.parameters.matrix);
    this.scratch = model.arena();
    this.blocks = blocksOf(model);
    const first = this.take();
    this.stateSize = first.stateSize;
    this.parts = first.parts;
    this.learned = learnedStates(model, first.lstms, this.parts);
    first.release();
  }

  get learnsInitialState(): boolean {
    return this.learned.length > 0;
  }

  initial(): FloatArray {
    return this.beginning().state;
  }

  private beginning(): InitialStateStep {
    const { learned, batchSize, parameters, stateSize } = this;
    return new InitialStateStep(learned, batchSize, parameters, () => this.floats(batchSize * stateSize));
  }

  step(state: ArrayLike<number>, data: StepData): SystemStep {
    if (data === INITIAL_STATE) return this.beginning();
    requireStepData(data);
    requireSize('state', state, this.batchSize * this.stateSize);
    const step = this.take();
    step.run(state, data);
    return step;
  }

  changed(): void {
    this.model.parameters.changed();
  }

  newGradient(): FloatArray {
    const arena = this.model.arena();
    const numbers = hostNumbers(this.model.kernels, arena.matrix);
    this.arenas.set(numbers, arena);
    return numbers;
  }

  matrixOf(gradient: FloatArray): Matrix {
    const arena = this.arenas.get(gradient);
    if (!arena) throw invalidSetting('gradient', 'must be a gradient of this system.', 'Make one with newGradient().');
    return arena.matrix;
  }

  dispose(): void {
    for (const step of this.all) step.dispose();
    for (const arena of [this.scratch, ...this.arenas.values()]) arena.free();
    this.lease.end({ what: 'The system', help: 'Make a new one with modelSystem().' });
  }

  floats(length: number): FloatArray {
    return this.model.kernels.precision === 'float64' ? new Float64Array(length) : new Float32Array(length);
  }

  /** Runs `act` with an arena whose sums are added to `gradient`. */
  adding(gradient: FloatArray | null, act: (arena: Arena) => void): void {
    const own = gradient && this.arenas.get(gradient);
    if (own) {
      act(own);
      return;
    }
    if (gradient) {
      requireFloats('gradient', gradient);
      requireSize('gradient', gradient, this.parameters.length);
      this.scratch.clear();
    }
    act(this.scratch);
    if (!gradient) return;
    addScaled(gradient, 1, hostNumbers(this.model.kernels, this.scratch.matrix));
  }

  giveBack(step: EngineStep): void {
    this.idle.push(step);
  }

  private take(): EngineStep {
    const idle = this.idle.pop();
    if (idle) return idle;
    const made = new EngineStep(this);
    this.all.push(made);
    return made;
  }
}

/** One block for each gate's weights and biases, and one for every other tensor. */
function blocksOf(model: Model): ParameterBlock[] {
  return model.parameters.layout.entries.flatMap(({ name, offset, size }): ParameterBlock[] => {
    if (!/\.(weight_[ih]h|bias_[ih]h)_l\d+$/.test(name)) return [{ name, ranges: [[offset, offset + size]] }];
    const quarter = size / 4;
    return ['i', 'f', 'g', 'o'].map((gate, at) => ({
      name: `${name}[${gate}]`,
      ranges: [[offset + at * quarter, offset + (at + 1) * quarter]],
    }));
  });
}
