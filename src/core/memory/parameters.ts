/**
 * An arena: all parameters of a model in one block of memory, in the order of the layers, each with a name and a shape, as in
 * PyTorch. Gradients and optimizer state are arenas of the same layout, so an optimizer is one loop, a checkpoint is a header
 * and the arena, and a sum of gradients is one addition.
 */

import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting, UnspoolError } from '../../errors.js';
import type { Rng } from '../rng.js';
import { type Disposed, Lease } from './lease.js';
import { hostArray, type LiveArray, matrixOf } from './views.js';

/** A parameter that a layer needs: its name, shape and initial values. */
export interface ParameterSpec {
  readonly name: string;
  /** [n] or [rows, cols], as PyTorch's state_dict has it. */
  readonly shape: readonly number[];
  start(rng: Rng): Float64Array;
}

/** One parameter of a layout. */
export interface ParameterEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** Index of its first element in the arena. */
  readonly offset: number;
  readonly size: number;
}

/** The name, shape and offset of every parameter in an arena. */
export class ParameterLayout {
  readonly entries: readonly ParameterEntry[];
  /** Number of elements of the whole arena. */
  readonly size: number;
  private readonly byName = new Map<string, ParameterEntry>();

  constructor(parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]) {
    let offset = 0;
    this.entries = parameters.map(({ name, shape }) => {
      const entry = { name, shape, offset, size: shape.reduce((a, b) => a * b, 1) };
      offset += entry.size;
      this.byName.set(name, entry);
      return entry;
    });
    this.size = offset;
  }

  /** Throws `INVALID_SETTING` for an unknown name. */
  entry(name: string): ParameterEntry {
    const entry = this.byName.get(name);
    if (!entry) {
      throw invalidSetting(
        name,
        'the model has no such parameter.',
        `It has ${this.entries.map((e) => e.name).join(', ')}.`,
      );
    }
    return entry;
  }
}

const FREED: Disposed = { what: 'The arena', after: 'free()', help: 'Make a new one with model.arena().' };

/** All parameters of a model, or numbers of the same layout such as gradients, by name. */
export class Arena {
  readonly layout: ParameterLayout;
  private readonly lease: Lease;
  private readonly kernels: Kernels;
  private readonly all: Matrix;
  private readonly views = new Map<string, Matrix>();

  /** Throws `OUT_OF_MEMORY`. */
  constructor(kernels: Kernels, layout: ParameterLayout) {
    this.lease = new Lease(kernels);
    this.kernels = this.lease.kernels;
    this.layout = layout;
    this.all = this.kernels.alloc(1, layout.size);
  }

  /** The whole arena as one row. */
  get matrix(): Matrix {
    this.lease.requireOpen();
    return this.all;
  }

  /** The backend's handle of one parameter; a vector [n] is a row (1, n). */
  handle(name: string): Matrix {
    let view = this.views.get(name);
    if (!view) {
      const { shape, offset } = this.layout.entry(name);
      const [rows, cols] = matrixOf(shape);
      view = this.kernels.view(this.all, offset, rows, cols);
      this.views.set(name, view);
    }
    return view;
  }

  /** One parameter as a view of the live memory, in its own shape. */
  get(name: string): LiveArray {
    return hostArray(this.kernels, this.handle(name), this.layout.entry(name).shape);
  }

  /** Overwrites one parameter. Throws `SHAPE_MISMATCH` where the count of numbers differs. */
  set(name: string, values: ArrayLike<number>): void {
    const { shape, size } = this.layout.entry(name);
    if (values.length !== size) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'set',
        tensor: name,
        expected: shape,
        actual: [values.length],
        help: 'Pass all its numbers, row by row.',
      });
    }
    this.kernels.upload(this.handle(name), values);
  }

  /** Copies of all parameters by name. */
  async download(): Promise<Map<string, FloatArray>> {
    const all = await this.kernels.download(this.all);
    return new Map(this.layout.entries.map((e) => [e.name, all.subarray(e.offset, e.offset + e.size)]));
  }

  /** Sets all numbers to 0. */
  clear(): void {
    this.kernels.fill(this.all, 0);
  }

  /** Frees the memory. Afterwards every use of the arena, and of arrays from it, throws `DISPOSED`. */
  free(why: Disposed = FREED): void {
    this.views.clear(); // the next access makes a new handle through the lease, which throws
    this.lease.end(why);
  }
}
