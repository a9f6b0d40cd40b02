/**
 * Messages between ranks. A communicator has collective calls only, so all ranks exchange what they have to send, again and again, until
 * one of them ends it.
 */
import { textsOf } from './agreement.js';
import { type Communicator, rankLost } from './communicator.js';

/** What a rank sends in one exchange. */
interface Envelope {
  readonly isLast: boolean;
  /** Why this rank cannot continue. */
  readonly error: string | null;
  readonly letters: readonly (readonly [to: number, message: unknown])[];
}

/** Milliseconds between two exchanges. Ranks that wait in a call of MPI keep a core busy, so they all rest between two. */
const REST_MS = 50;

const rest = (): Promise<void> => new Promise((next) => setTimeout(next, REST_MS));

export class Post {
  private readonly communicator: Communicator;
  private letters: (readonly [to: number, message: unknown])[] = [];
  private isLast = false;
  private error: unknown = null;

  constructor(communicator: Communicator) {
    this.communicator = communicator;
  }

  /** Sends JSON to another rank, with the next exchange. */
  send(to: number, message: unknown): void {
    this.letters.push([to, message]);
  }

  /** Ends `run` on all ranks, after what was sent before. */
  end(): void {
    this.isLast = true;
  }

  /** Ends `run` on all ranks: it throws the error on this rank, and `RANK_LOST` with its message on the others. */
  fail(error: unknown): void {
    this.error ??= error;
  }

  /** Exchanges messages until a rank ends it. All ranks call it. */
  async run(onMessage: (from: number, message: unknown) => void): Promise<void> {
    const { communicator } = this;
    for (;;) {
      const { letters, isLast, error } = this;
      this.letters = [];
      const own: Envelope = {
        isLast,
        error: error === null ? null : String((error as Error).message ?? error),
        letters,
      };
      const all = (await textsOf(communicator, JSON.stringify(own))).map((text) => JSON.parse(text) as Envelope);
      if (error !== null) throw error;
      const failed = all.findIndex((envelope) => envelope.error !== null);
      if (failed >= 0) throw rankLost(`rank ${failed} failed: ${all[failed]!.error}`);
      for (const [from, envelope] of all.entries()) {
        for (const [to, message] of envelope.letters) if (to === communicator.rank) onMessage(from, message);
      }
      if (all.some((envelope) => envelope.isLast)) return;
      await rest();
    }
  }
}
