/** Who does the work: this thread alone, or a team of them (team.ts, which a page loads when it asks for threads). */

/** As in assembly/threads.ts. */
export const Command = {
  stop: 0,
  gemmRows: 1,
  gemmColumns: 2,
  pack: 3,
  cell: 4,
  cellGrad: 5,
  fill: 6,
  add: 7,
  fillRows: 8,
  sumRows: 9,
  gather: 10,
  adam: 11,
} as const;

/** A matrix as the team sees it: a window of a block. */
export interface Window {
  readonly at: number;
  /** Address of the block that it is a part of. */
  readonly base: number;
  readonly rows: number;
  readonly cols: number;
}

export interface Crew {
  /** Threads that share the work now. */
  readonly running: number;
  /** Whether a piece of work that is worth sharing can be. */
  shares(): boolean;
  /** All threads meet before and share `command`. */
  share(command: number, ...args: number[]): void;
  /** Each thread does its rows of `command`, whose matrices all have N rows. */
  shareRows(command: number, N: number, windows: readonly Window[], ...args: number[]): void;
  /** Until all threads have done everything: before this thread reads or works alone. */
  settle(): void;
  /** Ends the threads. */
  dispose(): void;
}

export const ALONE: Crew = {
  running: 1,
  shares: () => false,
  share() {},
  shareRows() {},
  settle() {},
  dispose() {},
};
