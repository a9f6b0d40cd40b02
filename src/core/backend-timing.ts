/** How fast a backend trains a model, as `measureBackends` of unspool/gpu reports it. */
export interface BackendTiming<Choice extends string = string> {
  readonly backend: Choice;
  /** Milliseconds of an update: the median, without the first updates, which allocate and compile. Infinity if the backend failed. */
  readonly stepMs: number;
  /** Milliseconds from creating the model to the end of its first update. Infinity if the backend failed. */
  readonly firstStepMs: number;
  /** The GPU, as its driver reports it; null for other backends. */
  readonly adapter: string | null;
  /** Why the backend cannot train the model; null if it can. */
  readonly error: string | null;
}
