/**
 * Counts the memory that a training needs. The code that allocates a training and runs a pass runs on kernels that count
 * bytes; they allocate and compute nothing.
 */

import type { Kernels, Matrix, MemoryRules, PackedMatrix, WorkspaceBytes } from '../../contract/kernels.js';
import { UnspoolError } from '../../errors.js';
import { instructionsOf } from './decorate.js';

export class MemoryMeter {
  readonly kernels: Kernels;
  private readonly rules: MemoryRules;
  private readonly limit: number;
  private readonly sizes = new Map<Matrix | PackedMatrix, number>();
  private readonly workspaces = new Map<string, number>();
  private held = 0;

  /** @param of the backend to imitate. @param rules its sizes. @param limit more bytes than this throw `OUT_OF_MEMORY`. */
  constructor(of: Kernels, rules: MemoryRules, limit = Number.POSITIVE_INFINITY) {
    this.rules = rules;
    this.limit = limit;
    const counted = instructionsOf(of).map((name) => [name, this.counted(name)] as const);
    const { name, precision, memory, partialRows } = of;
    const instructions = { ...Object.fromEntries(counted), ...this.memoryInstructions() };
    this.kernels = { name, precision, memory, ...(partialRows && { partialRows }), ...instructions } as Kernels;
  }

  /** Bytes of the matrices that are allocated. */
  get allocated(): number {
    return this.held;
  }

  /** Bytes of the workspaces, at the largest size that an instruction has needed so far. */
  get working(): number {
    return [...this.workspaces.values()].reduce((a, b) => a + b, 0);
  }

  private memoryInstructions(): Partial<Kernels> {
    const { rules } = this;
    return {
      alloc: (rows, cols) => this.take({ rows, cols }, rules.matrix(rows, cols)),
      allocPacked: (rows, cols) => this.take({ rows, cols }, rules.packed(rows, cols)),
      view: (_base, _offset, rows, cols) => ({ rows, cols }),
      free: (m) => {
        this.held -= this.sizes.get(m) ?? 0;
        this.sizes.delete(m);
      },
    };
  }

  /** An instruction that only records the size of its workspaces. */
  private counted(name: keyof Kernels): (...operands: never[]) => void {
    const rule = this.rules.workspaces[name] as ((...operands: never[]) => WorkspaceBytes) | undefined;
    return (...operands) => {
      for (const [workspace, bytes] of Object.entries(rule?.(...operands) ?? {})) {
        this.workspaces.set(workspace, Math.max(bytes, this.workspaces.get(workspace) ?? 0));
      }
    };
  }

  private take<M extends Matrix | PackedMatrix>(m: M, bytes: number): M {
    const inUse = this.held + this.rules.overhead;
    if (inUse + bytes > this.limit) {
      throw new UnspoolError({ code: 'OUT_OF_MEMORY', bytes, inUse, capacity: this.limit });
    }
    this.held += bytes;
    this.sizes.set(m, bytes);
    return m;
  }
}
