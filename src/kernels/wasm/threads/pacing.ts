/**
 * Decides whether large commands are shared. Threads wait for each other, so on busy cores two of them can be slower than one. A
 * trial runs commands in turns with all threads and with one, and compares the work per millisecond. The faster way is kept, and
 * tried again from time to time, or as soon as sharing has become much slower than it was in the trial.
 */
import { Command, CommandWord } from '../layout.js';

/** A turn ends after this many milliseconds and commands. */
const TURN_MS = 6;
const TURN_COMMANDS = 48;
/** Pairs of turns of a trial. The median of each way counts, because a turn may contain a pause of the program. */
const PAIRS = 3;
/** How much faster sharing must be. */
const GAIN = 1.03;
/** A pair in which sharing has less than this part of the other rate ends the trial. */
const HOPELESS = 0.8;
/** A turn below this part of the rate of the trial starts another trial. */
const LOST = 0.6;
const SHORTEST_HOLD_MS = 1000;
const LONGEST_HOLD_MS = 16_000;
/** Commands between two readings of the clock. */
const CLOCK = 16;

/** Multiply-adds that take about as long as one unit of the cell, and as one element of another command. */
const UNIT = 100;
const ELEMENT = 20;

const PRODUCTS: ReadonlySet<Command> = new Set([Command.gemmRows, Command.gemmColumns, Command.host]);

/** The work of a command, in multiply-adds of a product. `words`: the command as in memory (assembly/threads.ts). */
export function workOf(words: Int32Array): number {
  const integer = (i: number): number => words[CommandWord.integers + i]!;
  const command = words[CommandWord.command]!;
  if (PRODUCTS.has(command)) return integer(1) * integer(2) * integer(5);
  if (command === Command.pack) return integer(3) * integer(4) * ELEMENT;
  if (command === Command.cell) return integer(4) * integer(5) * UNIT;
  if (command === Command.cellGrad) return integer(7) * integer(8) * UNIT;
  return integer(1) * ELEMENT;
}

type Way = 'shared' | 'alone';

export class Pacing {
  private readonly settle: () => void;
  private readonly now: () => number;
  /** How commands run now. */
  private way: Way = 'shared';
  /** The rates of the trial, in the order of its turns; null while the result of a trial is kept. */
  private trial: Record<Way, number[]> | null = { shared: [], alone: [] };
  /** The rate of sharing in the last trial. */
  private sharedRate = 0;
  private holdMs = SHORTEST_HOLD_MS;
  private holdEnd = 0;
  private turnStart: number;
  private commands = 0;
  private work = 0;

  /** @param settle waits until all threads have finished all commands. */
  constructor(settle: () => void, now: () => number = () => performance.now()) {
    this.settle = settle;
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
    if (this.now() - this.turnStart < TURN_MS) return;
    this.settle();
    const now = this.now();
    this.endTurn(this.work / (now - this.turnStart), now);
    this.turnStart = now;
    this.commands = this.work = 0;
  }

  private endTurn(rate: number, now: number): void {
    const { trial, way } = this;
    if (trial) {
      trial[way].push(rate);
      this.way = way === 'shared' ? 'alone' : 'shared';
      const { shared, alone } = trial;
      if (shared.length !== alone.length) return;
      if (shared.length === PAIRS || shared.at(-1)! < HOPELESS * alone.at(-1)!) this.decide(shared, alone, now);
    } else if (now > this.holdEnd || (way === 'shared' && rate < LOST * this.sharedRate)) {
      if (now <= this.holdEnd) this.holdMs = SHORTEST_HOLD_MS;
      this.trial = { shared: [], alone: [] };
    }
  }

  private decide(shared: number[], alone: number[], now: number): void {
    const isHopeless = shared.length < PAIRS;
    this.sharedRate = median(shared);
    this.way = !isHopeless && this.sharedRate > GAIN * median(alone) ? 'shared' : 'alone';
    this.trial = null;
    this.holdEnd = now + this.holdMs;
    this.holdMs = Math.min(LONGEST_HOLD_MS, 2 * this.holdMs);
  }
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
