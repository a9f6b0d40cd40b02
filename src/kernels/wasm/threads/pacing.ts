/**
 * Decides whether large commands are shared. Threads wait for each other, so on busy cores two of them can be slower than one. A
 * trial runs commands in turns with all threads and with one, and compares the work per millisecond. The faster way is kept, and
 * tried again from time to time, or as soon as sharing has become much slower than it was in the trial.
 */
import { Command, CommandWord } from '../layout.js';

/** A turn ends after this many milliseconds and commands. */
const TURN_MS = 10;
const TURN_COMMANDS = 48;
/** Turns of a trial for each way. The best of them counts, because a turn may contain a pause of the program. */
const TURNS = 3;
/** How much faster sharing must be. */
const GAIN = 1.03;
/** A turn below this part of the rate of the trial starts another trial. */
const LOST = 0.6;
const SHORTEST_HOLD_MS = 1000;
const LONGEST_HOLD_MS = 16_000;
/** Commands between two readings of the clock. */
const CLOCK = 16;

/** Multiply-adds that take about as long as one unit of the cell, and as one element of another command. */
const UNIT = 100;
const ELEMENT = 20;

/** The work of a command, in multiply-adds of a product. `words`: the command as in memory (assembly/threads.ts). */
export function workOf(words: Int32Array): number {
  const integer = (i: number): number => words[CommandWord.integers + i]!;
  const command = words[CommandWord.command]!;
  if (command === Command.gemmRows || command === Command.gemmColumns) return integer(1) * integer(2) * integer(5);
  if (command === Command.pack) return integer(3) * integer(4) * ELEMENT;
  if (command === Command.cell) return integer(4) * integer(5) * UNIT;
  if (command === Command.cellGrad) return integer(7) * integer(8) * UNIT;
  return integer(1) * ELEMENT;
}

type Way = 'shared' | 'alone';

export class Pacing {
  private readonly now: () => number;
  /** How commands run now. */
  private way: Way = 'shared';
  /** Turns of the trial that are left; 0 while the result of a trial is kept. */
  private turns = 2 * TURNS;
  private best: Record<Way, number> = { shared: 0, alone: 0 };
  private holdMs = SHORTEST_HOLD_MS;
  private holdEnd = 0;
  private turnStart: number;
  private commands = 0;
  private work = 0;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
    this.turnStart = now();
  }

  /** Whether the next large command is shared. */
  get shares(): boolean {
    return this.way === 'shared';
  }

  /** Counts a large command of that much work, which has been given to the threads, or performed. */
  count(work: number): void {
    this.work += work;
    if (++this.commands < TURN_COMMANDS || this.commands % CLOCK !== 0) return;
    const now = this.now();
    if (now - this.turnStart < TURN_MS) return;
    this.endTurn(this.work / (now - this.turnStart), now);
    this.turnStart = now;
    this.commands = this.work = 0;
  }

  private endTurn(rate: number, now: number): void {
    const { best, way } = this;
    if (this.turns > 0) {
      best[way] = Math.max(best[way], rate);
      this.turns--;
      if (this.turns === 0) this.decide(now);
      else this.way = way === 'shared' ? 'alone' : 'shared';
    } else if (now > this.holdEnd || (way === 'shared' && rate < LOST * best.shared)) {
      if (now <= this.holdEnd) this.holdMs = SHORTEST_HOLD_MS;
      this.turns = 2 * TURNS;
      this.best = { shared: 0, alone: 0 };
    }
  }

  private decide(now: number): void {
    this.way = this.best.shared > GAIN * this.best.alone ? 'shared' : 'alone';
    this.holdEnd = now + this.holdMs;
    this.holdMs = Math.min(LONGEST_HOLD_MS, 2 * this.holdMs);
  }
}
