/**
 * A training step on a CPU backend never waits for anything, so a loop of them would keep everybody else out: Ctrl-C, a
 * page's clicks and repaints. `pause` lets them in, but only every so often, since it costs more than a small step.
 */
export class EventLoopYield {
  private last = performance.now();
  private readonly interval: number;

  /** @param interval milliseconds from one pause to the next. Default 30. */
  constructor(interval = 30) {
    this.interval = interval;
  }

  async pause(): Promise<void> {
    if (performance.now() - this.last < this.interval) return;
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === 'function') setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    this.last = performance.now();
  }
}
