/** What kernels/select.ts needs to know of a backend. Each backend's folder has a `backend.ts` with its entry. */
import type { Kernels, Precision } from '../../contract/kernels.js';

/** Settings that a backend is created with. */
export interface CreateOptions {
  readonly precision: Precision;
  /** The entry's current variant, or the mode from `NAME:MODE`. */
  readonly variant: string | null;
  /** Number of threads, the calling one included; 1 unless the entry has threads. */
  readonly threads: number;
  /** Whether one thread is enough if the others cannot start. */
  readonly fallsBack: boolean;
}

/** An entry of the registry of backends. A page loads all of them, so each has only what differs from the defaults. */
export interface BackendEntry {
  readonly precisions: readonly Precision[];
  /** Modes that `NAME:MODE` selects; `NAME` alone leaves the choice to the backend. Default: none. */
  readonly modes?: readonly string[];
  /** Default false. */
  readonly hasThreads?: boolean;
  /** Why the backend cannot run in this JavaScript engine, as a sentence; null if it can. Default: only `create` can find out. */
  unavailable?(): string | null;
  /** Which of its variants runs in this JavaScript engine. Default: it has none. */
  variant?(): string | null;
  create(options: CreateOptions): Promise<Kernels>;
}
