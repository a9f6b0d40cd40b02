/** What an optimizer is: a rule over whole arenas, its state outside of it (after Optimisers.jl). */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { Arena, type ParameterEntry, type ParameterLayout } from '../core/memory/parameters.js';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The rule's name and settings, as JSON. */
export interface OptimizerSpec {
  readonly kind: string;
  /** Learning rate. */
  readonly learningRate: number;
  readonly [setting: string]: Json;
}

/** Named arenas in the layout of the parameters, such as Adam's `m` and `v`, each as one row. */
export type OptimizerState = Readonly<Record<string, Matrix>>;

export interface OptimizerPass {
  readonly kernels: Kernels;
  /** All that the rule is to update, as one row; updated in place. */
  readonly parameters: Matrix;
  readonly gradients: Matrix;
  /** As the rule's `state` names them; zeros before the first update. */
  readonly state: OptimizerState;
  /** Number of this update, from 1. */
  readonly update: number;
  /** Learning rate of this update: the spec's, times what the schedule says. */
  readonly learningRate: number;
  /** The tensors that stand in the row, for rules that treat each on its own. */
  readonly tensors: readonly Pick<ParameterEntry, 'name' | 'offset' | 'size'>[];
  /** Room of the same size to work in, by number; whatever stood there. */
  scratch(index: number): Matrix;
  /** `size` elements of a row from `offset` on; the same handle each time. */
  window(row: Matrix, offset: number, size: number): Matrix;
}

export interface Optimizer {
  readonly spec: OptimizerSpec;
  /** Names of the arenas that the rule keeps from update to update. */
  readonly state: readonly string[];
  /** One update of all parameters. */
  apply(pass: OptimizerPass): void;
}

/** The memory of one optimizer over one model's parameters, and its updates. */
export class OptimizerRun {
  /** By the rule's names. */
  readonly state: ReadonlyMap<string, Arena>;
  private readonly kernels: Kernels;
  private readonly optimizer: Optimizer;
  private readonly parameters: Arena;
  private readonly rows: OptimizerState;
  private readonly rooms: Arena[] = [];
  private readonly windows = new WeakMap<Matrix, Map<string, Matrix>>();

  constructor(kernels: Kernels, optimizer: Optimizer, parameters: Arena) {
    this.kernels = kernels;
    this.optimizer = optimizer;
    this.parameters = parameters;
    this.state = new Map(optimizer.state.map((name) => [name, this.arena(parameters.layout)]));
    this.rows = Object.fromEntries([...this.state].map(([name, arena]) => [name, arena.matrix]));
  }

  /** Update number `step`, from 1. */
  apply(gradients: Matrix, update: number, learningRate: number): void {
    const { kernels, parameters, rows } = this;
    this.optimizer.apply({
      kernels,
      parameters: parameters.matrix,
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
    for (const arena of [...this.state.values(), ...this.rooms]) arena.free();
  }

  private arena(layout: ParameterLayout): Arena {
    return new Arena(this.kernels, layout);
  }

  private readonly scratch = (index: number): Matrix => {
    while (this.rooms.length <= index) this.rooms.push(this.arena(this.parameters.layout));
    return this.rooms[index]!.matrix;
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
