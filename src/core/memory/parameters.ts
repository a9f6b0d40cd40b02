/**
 * An arena: all parameters of a model in one block of memory, in the order of the layers, each with a name and a shape, as in
 * PyTorch. Gradients and optimizer state are arenas of the same layout, so an optimizer is one loop, a checkpoint is a header
 * and the arena, and a sum of gradients is one addition.
 */

import { isObject, requireFunction, requireList, requireValues, shown } from '../../checks.js';
import type { FloatArray, Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { invalidSetting, UnspoolError } from '../../errors.js';
import type { Initializer } from '../init.js';
import type { Owner } from './census.js';
import { backendOf } from './decorate.js';
import { type Disposed, Lease } from './lease.js';
import { hostArray, type LiveArray, matrixOf } from './views.js';

export type Draw = (init: Initializer, rows: number, cols: number, fan: number) => Float64Array;

/** A parameter that a layer needs: its name, shape and initial values. */
export interface ParameterSpec {
  readonly name: string;
  /** [n] or [rows, cols], as PyTorch's state_dict has it. */
  readonly shape: readonly number[];
  /** @param draw values of a matrix [rows, cols], row-major. `fan` is what `uniform` divides by. */
  readonly start: (draw: Draw) => Float64Array;
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
    requireParameters(parameters);
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
        typeof name === 'string' ? name : shown(name),
        'the model has no such parameter.',
        `It has ${this.entries.map((e) => e.name).join(', ')}.`,
      );
    }
    return entry;
  }
}

function requireParameters(parameters: unknown): void {
  if (!Array.isArray(parameters)) throw invalidSetting('parameters', `must be a list, got ${shown(parameters)}.`);
  for (const [i, parameter] of parameters.entries()) {
    const { name, shape } = isObject(parameter) ? parameter : {};
    if (typeof name === 'string' && Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n > 0))
      continue;
    throw invalidSetting(`parameters[${i}]`, `must have a name and a shape of counts, got ${shown(parameter)}.`);
  }
}

/** What an arena or a tape belongs to: the layout of a model is its identity. */
interface Owned {
  readonly layout: ParameterLayout;
}

/**
 * Throws `INVALID_SETTING` unless `value` is an arena or tape (`type`) of the model with this layout. The weights, numbers and
 * memory of another model mean something else, even if they have the same shapes.
 */
export function requireOwn<T extends Owned>(
  path: string,
  value: unknown,
  type: abstract new (...parts: never[]) => T,
  layout: ParameterLayout,
  help?: string,
): asserts value is T {
  const isOne = value instanceof type;
  if (isOne && value.layout === layout) return;
  const what = `must be ${/^(tape|from)$/.test(path) ? 'a tape' : 'an arena'} of this model`;
  throw invalidSetting(path, `${what}, ${isOne ? 'but belongs to another model' : `got ${shown(value)}`}.`, help);
}

/** The arenas of the rows that they have handed out. */
const ARENAS = new WeakMap<Matrix, Arena>();

const FREED: Disposed = { what: 'The arena', after: 'free()', help: 'Make a new one with model.arena().' };

/** A weight as the products need it, and the version of the arena that it was packed from. */
interface Pack {
  readonly matrix: PackedMatrix;
  version: number;
}

/**
 * All parameters of a model, or numbers of the same layout such as gradients, by name.
 *
 * The products of a pass read packed copies of the weights. They belong to the arena, so all tapes, streams and predictions of a
 * model share them. They are made when a pass first needs them, and again after the arena was written: by `set`, `clear`,
 * `get(name).set`, an optimizer or a training. Memory that was handed out (`matrix`, `handle`, `get(name).data.array`) can be written
 * without notice; after that, every pass packs the weights again.
 */
export class Arena {
  readonly layout: ParameterLayout;
  private readonly lease: Lease;
  private readonly kernels: Kernels;
  private readonly all: Matrix;
  private readonly views = new Map<string, Matrix>();
  /** By name: W, and W'. */
  private readonly packs = [new Map<string, Pack>(), new Map<string, Pack>()] as const;
  /** Raised by every write. */
  private version = 0;
  private isHandedOut = false;

  /** Throws `OUT_OF_MEMORY`. */
  constructor(kernels: Kernels, layout: ParameterLayout, what: Owner = 'arena') {
    requireFunction('kernels.alloc', kernels?.alloc);
    if (!(layout instanceof ParameterLayout)) {
      throw invalidSetting('layout', `must be the layout of a model, got ${shown(layout)}.`);
    }
    this.lease = new Lease(kernels, what);
    this.kernels = this.lease.kernels;
    this.layout = layout;
    this.all = this.kernels.alloc(1, layout.size);
    ARENAS.set(this.all, this);
  }

  /** The whole arena as one row. Afterwards every pass packs the weights again, because the row may be written at any time. */
  get matrix(): Matrix {
    this.handedOut();
    return this.read();
  }

  /** @internal Throws `INVALID_SETTING` unless `kernels` is the backend that holds the arena. */
  requireOn(kernels: Kernels): void {
    if (backendOf(kernels) === this.lease.backend) return;
    throw invalidSetting('kernels', 'must be the backend of the parameters.', 'Pass model.kernels.');
  }

  /** @internal Throws `INVALID_SETTING` unless `row` is the matrix of an arena of the same model and backend, `DISPOSED`. */
  requireRow(path: string, row: Matrix): void {
    const arena = ARENAS.get(row);
    if (!arena) throw invalidSetting(path, `must be the matrix of an arena of this model, got ${shown(row)}.`);
    requireOwn(path, arena, Arena, this.layout);
    this.requireOn(arena.lease.backend);
    arena.read();
  }

  /** @internal The whole arena as one row, only to be read. */
  read(): Matrix {
    this.lease.requireOpen();
    return this.all;
  }

  /** @internal The whole arena as one row, to be written before the next pass, and not later. */
  write(): Matrix {
    this.changed();
    return this.read();
  }

  /** @internal Numbers were written. */
  changed(): void {
    this.version++;
  }

  /** @internal Numbers may be written from now on without a call of `changed`. */
  handedOut(): void {
    this.isHandedOut = true;
  }

  /** @internal To be called when a pass starts. Throws `DISPOSED`. */
  startPass(): void {
    this.lease.requireOpen();
    if (this.isHandedOut) this.version++;
  }

  /** @internal The weight W, or W' with `transB`, as the right operand of products. Valid until the arena is written. */
  packed(name: string, transB: boolean): PackedMatrix {
    const packs = this.packs[transB ? 1 : 0];
    let pack = packs.get(name);
    if (!pack) {
      const [rows, cols] = matrixOf(this.layout.entry(name).shape);
      const matrix = transB ? this.kernels.allocPacked(cols, rows) : this.kernels.allocPacked(rows, cols);
      packs.set(name, (pack = { matrix, version: -1 }));
    }
    if (pack.version !== this.version) {
      this.kernels.pack(pack.matrix, this.part(name), transB);
      pack.version = this.version;
    }
    return pack.matrix;
  }

  /**
   * The backend's handle of one parameter; a vector [n] is a row (1, n). Afterwards every pass packs the weights again, because the
   * handle may be written at any time.
   */
  handle(name: string): Matrix {
    this.handedOut();
    return this.part(name);
  }

  /** @internal The handle of one parameter, only to be read; of gradients, also to be written. */
  part(name: string): Matrix {
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
    return hostArray(this.kernels, this.part(name), this.layout.entry(name).shape, this);
  }

  /** Overwrites one parameter with finite numbers. Throws `SHAPE_MISMATCH` for another count, or `INVALID_DATA`. */
  set(name: string, values: ArrayLike<number>): void {
    const { shape, size } = this.layout.entry(name);
    requireList(name, values);
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
    requireValues(name, values);
    this.kernels.upload(this.part(name), values);
    this.changed();
  }

  /** Copies of all parameters by name. */
  async download(): Promise<Map<string, FloatArray>> {
    const all = await this.kernels.download(this.all);
    return new Map(this.layout.entries.map((e) => [e.name, all.subarray(e.offset, e.offset + e.size)]));
  }

  /** Sets all numbers to 0. */
  clear(): void {
    this.kernels.fill(this.all, 0);
    this.changed();
  }

  /** Frees the memory. Afterwards every use of the arena, and of arrays from it, throws `DISPOSED`. */
  free(why: Disposed = FREED): void {
    for (const made of [this.views, ...this.packs]) made.clear(); // the next access uses the lease, which throws
    this.lease.end(why);
  }
}
