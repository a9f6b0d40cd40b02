/** The interface of optimizers: rules over whole arenas that do not hold their own state (after Optimisers.jl). */
import { isFunction, isObject, requireNumber, shown } from '../checks.js';
import type { Kernels, Matrix } from '../contract/kernels.js';
import { Arena, type ParameterEntry, type ParameterLayout, requireOwn } from '../core/memory/parameters.js';
import { invalidSetting } from '../errors.js';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Name and settings of an optimizer, as JSON. A setting that is missing has its default. */
export interface OptimizerSettings {
  readonly kind: string;
  readonly [setting: string]: Json;
}

/** Name and all settings of an optimizer, as JSON. */
export interface OptimizerSpec extends OptimizerSettings {
  /** Learning rate. */
  readonly learningRate: number;
}

/** Named arenas in the layout of the parameters, such as Adam's `m` and `v`, each as one row. */
export type OptimizerState = Readonly<Record<string, Matrix>>;

/** What `apply` gets for one update. Parameters, gradients and state are rows: (1, number of parameters). */
export interface OptimizerPass {
  readonly kernels: Kernels;
  /** Updated in place. */
  readonly parameters: Matrix;
  readonly gradients: Matrix;
  /** By the names in the optimizer's `state`; zeros before the first update. */
  readonly state: OptimizerState;
  /** Number of this update, from 1. */
  readonly update: number;
  /** Learning rate of this update: that of the spec times the schedule's factor. */
  readonly learningRate: number;
  /** The tensors in a row, for optimizers that treat each tensor separately. */
  readonly tensors: readonly Pick<ParameterEntry, 'name' | 'offset' | 'size'>[];
  /** A temporary row, by index, with undefined content. */
  scratch(index: number): Matrix;
  /** `size` elements of a row, starting at `offset`. Equal arguments return the same matrix. */
  window(row: Matrix, offset: number, size: number): Matrix;
}

/** An update rule. `OptimizerRun` holds its state. */
export interface Optimizer {
  readonly spec: OptimizerSpec;
  /** Names of the rows that it keeps from update to update. */
  readonly state: readonly string[];
  /** Updates all parameters. */
  apply(pass: OptimizerPass): void;
}

/**
 * A copy that what the caller does to the optimizer afterwards does not change. Throws `INVALID_SETTING`; `path` names the
 * setting.
 */
export function copyOfOptimizer(path: string, optimizer: Optimizer): Optimizer {
  if (typeof optimizer === 'function') {
    throw invalidSetting(path, `must be an optimizer, got ${shown(optimizer)}.`, 'Call it: adam() instead of adam.');
  }
  if (!isObject(optimizer)) throw invalidSetting(path, `must be an optimizer, got ${shown(optimizer)}.`, SUCH_AS);
  const { spec, state } = optimizer;
  if (!isFunction(optimizer.apply) || !isObject(spec) || typeof spec.kind !== 'string') {
    throw invalidSetting(path, 'must be an optimizer with spec, state and apply().', SUCH_AS);
  }
  requireNumber(`${path}.spec.learningRate`, spec.learningRate, 0, Number.POSITIVE_INFINITY);
  if (!Array.isArray(state) || !state.every((name) => typeof name === 'string')) {
    throw invalidSetting(`${path}.state`, `must be a list of names, got ${shown(state)}.`);
  }
  return { spec: jsonCopy(`${path}.spec`, spec), state: [...state], apply: optimizer.apply.bind(optimizer) };
}

const SUCH_AS = "Pass adam() or another one, a name such as 'adam', or {kind: 'adam', learningRate: 0.01}.";

/** A deep copy of plain JSON. Throws `INVALID_SETTING` for what JSON cannot hold. */
export function jsonCopy<T>(path: string, value: T): T {
  try {
    return JSON.parse(JSON.stringify(value)) as T;
  } catch {
    throw invalidSetting(path, 'must be plain JSON.');
  }
}

/** One optimizer with its state, for the parameters of one model. */
export class OptimizerRun {
  /** The state, by name. */
  readonly state: ReadonlyMap<string, Arena>;
  private readonly kernels: Kernels;
  private readonly optimizer: Optimizer;
  private readonly parameters: Arena;
  private readonly rows: OptimizerState;
  private readonly temporaries: Arena[] = [];
  private readonly windows = new WeakMap<Matrix, Map<string, Matrix>>();

  /** Throws `INVALID_SETTING` unless `kernels` is the backend of the parameters, `OUT_OF_MEMORY`. */
  constructor(kernels: Kernels, optimizer: Optimizer, parameters: Arena) {
    requireOwn('parameters', parameters, Arena, parameters?.layout);
    parameters.requireOn(kernels);
    this.kernels = kernels;
    this.optimizer = copyOfOptimizer('optimizer', optimizer);
    this.parameters = parameters;
    this.state = new Map(this.optimizer.state.map((name) => [name, this.arena(parameters.layout)]));
    this.rows = Object.fromEntries([...this.state].map(([name, arena]) => [name, arena.write()]));
  }

  /**
   * Runs update number `update`, counted from 1. `gradients` is the matrix of an arena of the model; another one throws
   * `INVALID_SETTING`.
   */
  apply(gradients: Matrix, update: number, learningRate: number): void {
    requireNumber('update', update, 1, Number.MAX_SAFE_INTEGER);
    requireNumber('learningRate', learningRate, 0, Number.MAX_VALUE);
    const { kernels, parameters, rows } = this;
    parameters.requireRow('gradients', gradients);
    this.optimizer.apply({
      kernels,
      parameters: parameters.write(),
      gradients,
      state: rows,
      update,
      learningRate,
      tensors: parameters.layout.entries,
      scratch: this.scratch,
      window: this.window,
    });
  }

  free(): void {
    for (const arena of [...this.state.values(), ...this.temporaries]) arena.free();
  }

  private arena(layout: ParameterLayout): Arena {
    return new Arena(this.kernels, layout);
  }

  private readonly scratch = (index: number): Matrix => {
    while (this.temporaries.length <= index) this.temporaries.push(this.arena(this.parameters.layout));
    return this.temporaries[index]!.write();
  };

  private readonly window = (row: Matrix, offset: number, size: number): Matrix => {
    if (offset === 0 && size === row.cols) return row;
    let known = this.windows.get(row);
    if (!known) this.windows.set(row, (known = new Map()));
    const key = `${offset}+${size}`;
    let view = known.get(key);
    if (!view) known.set(key, (view = this.kernels.view(row, offset, 1, size)));
    return view;
  };
}
