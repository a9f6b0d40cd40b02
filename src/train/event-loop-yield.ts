/**
 * Yields to the event loop at intervals. Updates on a CPU backend never wait for anything, so a loop of them would block
 * Ctrl-C, and a page's clicks and repaints. A yield costs more than a small update, so not every update makes one.
 */
export class EventLoopYield {
  private last = performance.now();
  private readonly interval: number;

  /** @param interval milliseconds between two yields. Default 30. */
  constructor(interval = 30) {
    this.interval = interval;
  }

  /** Yields if the interval has passed. */
  async pause(): Promise<void> {
    if (performance.now() - this.last < this.interval) return;
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === 'function') setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    this.last = performance.now();
  }
}
