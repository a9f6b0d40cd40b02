/** Counters for tests, tables and diagnosis. */
export interface GpuCounts {
  /** Kernels that have run, those of plans included. */
  dispatches: number;
  uploads: number;
  reads: number;
  /** Runs that were one plan. */
  plans: number;
  /** Runs that were replayed. */
  replays: number;
  /** Kernels that were compiled, without those of plans. */
  compiled: number;
  /** Results that are on the device now. */
  readonly resident: number;
}
