/**
 * Traces: the instructions between two runs, by name and arguments. An update repeats those of the update before, with
 * other numbers. Comparing an instruction with the one that is expected takes a tenth of the time of recording it.
 */
import type { Allocation } from './allocation.js';
import { compare, DIFFERENT, type Entry, eachWindow, type InstructionName } from './entry.js';
import type { ReplayState } from './replay-state.js';

/** A sequence of instructions that has occurred. */
export class Trace {
  entries: readonly Entry[];
  /** What can replay it; null if it has occurred once, or its replay is out of date. */
  replay: ReplayState | null = null;
  /** Attempts to make a replay since the last one that ran. */
  attempts = 0;
  /** An allocation that it uses has been freed, or there are too many traces. */
  isDropped = false;

  /** Every allocation that the instructions use. */
  readonly allocations = new Set<Allocation>();

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    for (const { args } of entries) for (const arg of args) eachWindow(arg, ({ base }) => this.allocations.add(base));
  }

  /** How an instruction compares with the one at a place. */
  compare(at: number, name: InstructionName, args: readonly unknown[]): number {
    const entry = this.entries[at];
    return entry?.name === name ? compare(entry.args, args) : DIFFERENT;
  }

  /** Whether an instruction may follow the first `at` ones. */
  accepts(at: number, name: InstructionName, args: readonly unknown[]): boolean {
    return this.compare(at, name, args) !== DIFFERENT;
  }

  /** Whether the first `count` instructions are those of another trace, with any numbers. */
  beginsLike({ entries }: Trace, count: number): boolean {
    for (let i = 0; i < count; i++) if (!this.accepts(i, entries[i]!.name, entries[i]!.args)) return false;
    return true;
  }
}
