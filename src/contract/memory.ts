import type { Kernels } from './kernels.js';

/** A backend's memory, in bytes: a part of the contract. */
export interface BackendMemory {
  /** The most that the backend can reach; infinity where nothing but the machine limits it. */
  readonly capacity: number;
  /** Allocated now, all that the backend takes for itself included. */
  inUse(): number;
  /** What things will take, before they are allocated; loaded when it is asked for. */
  rules(): Promise<MemoryRules>;
}

/** Bytes of working rooms, by name. */
export type Rooms = Readonly<Record<string, number>>;

/** What a backend's memory costs, in bytes. */
export interface MemoryRules {
  /** What it takes for itself before the first matrix, and for its threads once they run. */
  readonly own: number;
  /** Of `alloc(rows, cols)`. */
  matrix(rows: number, cols: number): number;
  /** Of `allocPacked(rows, cols)`. */
  packed(rows: number, cols: number): number;
  /**
   * For each instruction that needs working rooms, those that it takes with these operands. A room is kept from its first
   * use on, and grows to its largest; instructions that name the same room share it.
   */
  readonly rooms: {
    readonly [N in keyof Kernels]?: Kernels[N] extends (...operands: infer O) => unknown
      ? (...operands: O) => Rooms
      : never;
  };
}
