/** What a backend did with a training step of a model. */
export interface BackendTiming<Choice extends string = string> {
  readonly backend: Choice;
  /** Milliseconds of a step: the median of those after the first ones, which lay out and compile. Infinity where it cannot. */
  readonly stepMs: number;
  /** Milliseconds until the first step was made, the model's making included. */
  readonly firstStepMs: number;
  /** The GPU, as its driver calls it. */
  readonly adapter: string | null;
  /** Why it cannot. */
  readonly problem: string | null;
}
