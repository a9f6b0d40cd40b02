/**
 * A backend that counts bytes and computes nothing: what the code that lays out a training, and runs a pass of it, does
 * with a backend's memory, found out by letting it do that. No memory is touched.
 */

import type { Kernels, Matrix, MemoryRules, PackedMatrix, WorkspaceBytes } from '../../contract/kernels.js';
import { UnspoolError } from '../../errors.js';
import { decorate, instructionsOf } from './decorate.js';

export class MemoryMeter {
  readonly kernels: Kernels;
  private readonly rules: MemoryRules;
  private readonly limit: number;
  private readonly sizes = new Map<Matrix | PackedMatrix, number>();
  private readonly rooms = new Map<string, number>();
  private held = 0;

  /** @param of the backend, whose rules count. @param limit throw `OUT_OF_MEMORY` beyond this many bytes. */
  constructor(of: Kernels, rules: MemoryRules, limit = Number.POSITIVE_INFINITY) {
    this.rules = rules;
    this.limit = limit;
    const counted = instructionsOf(of).map((name) => [name, this.counted(name)] as const);
    this.kernels = decorate(of, { ...Object.fromEntries(counted), ...this.memoryInstructions() });
  }

  /** Bytes that are allocated. */
  get allocated(): number {
    return this.held;
  }

  /** Of one that is allocated. */
  bytesOf(m: Matrix | PackedMatrix): number {
    return this.sizes.get(m) ?? 0;
  }

  /** Bytes of the backend's workspaces, as large as the instructions so far have made them. */
  get working(): number {
    return [...this.rooms.values()].reduce((a, b) => a + b, 0);
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

  /** An instruction that does nothing but take its workspaces. */
  private counted(name: keyof Kernels): (...operands: never[]) => void {
    const rule = this.rules.workspaces[name] as ((...operands: never[]) => WorkspaceBytes) | undefined;
    return (...operands) => {
      for (const [room, bytes] of Object.entries(rule?.(...operands) ?? {})) {
        this.rooms.set(room, Math.max(bytes, this.rooms.get(room) ?? 0));
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
